use alloc::sync::Arc;
use core::{net::IpAddr, time::Duration};

/// Name of a peer, as its configuration has it.
pub type PeerName = Arc<str>;

/// One configured session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// Unique among the peers of a speaker.
    pub name: PeerName,
    /// The peer's address. With `hops`, `local` and `interface` unique among the peers of a speaker: of several that are
    /// alike in these, the first has the session.
    pub remote: IpAddr,
    /// Our address; `None`: whichever the peer sends to.
    pub local: Option<IpAddr>,
    /// Index of the interface that the peer is on; for a link-local `remote`. `None`: any.
    pub interface: Option<u32>,
    /// Whether the peer is on the link.
    pub hops: Hops,
    /// How fast, and who begins.
    pub profile: Profile,
}

/// How far the peer is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hops {
    /// On the link: port 3784, and TTL (hop limit) must be 255 (RFC 5881 section 5).
    Single,
    /// Perhaps behind routers: port 4784 (RFC 5883).
    Multi {
        /// Least TTL (hop limit) that is accepted: 254 for one router in between.
        minimum_ttl: u8,
    },
}

impl Hops {
    /// Whether this is RFC 5883, port 4784.
    #[must_use]
    pub const fn is_multi(self) -> bool {
        match self {
            Self::Single => false,
            Self::Multi { .. } => true,
        }
    }

    /// The least TTL (hop limit) of a packet that is accepted.
    #[must_use]
    pub const fn minimum_ttl(self) -> u8 {
        match self {
            Self::Single => u8::MAX,
            Self::Multi { minimum_ttl } => minimum_ttl,
        }
    }
}

/// The parameters of a session that may change while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Desired Min TX Interval while Up, whole microseconds, 1 ms to 71 minutes; what is outside counts as the nearest
    /// of these. Packets are sent no faster than the peer's Required Min RX Interval.
    pub transmit_interval: Duration,
    /// Required Min RX Interval, with the range of `transmit_interval`.
    pub receive_interval: Duration,
    /// How many of our packets the peer may miss, 1 to 255; 0 counts as 1.
    pub detect_multiplier: u8,
    /// Say nothing before the peer does (RFC 5880 section 6.1).
    pub passive: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            transmit_interval: Duration::from_millis(300),
            receive_interval: Duration::from_millis(300),
            detect_multiplier: 3,
            passive: false,
        }
    }
}
