//! What a test asks of a router of another maker.

use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;

use super::{DesiredBfd, Namespace};

/// How the other side is configured. "Ours" is the speaker under test.
#[derive(Clone, Debug)]
pub struct PeerSettings {
    /// Its address on the session.
    pub address: IpAddr,
    /// Its AS.
    pub asn: u32,
    /// Our address on the session.
    pub our_address: IpAddr,
    /// Our AS.
    pub our_asn: u32,
    /// TCP MD5 password.
    pub password: Option<String>,
    /// Hold time that it proposes, s; it sends a KEEPALIVE every third of it.
    pub hold_time: u16,
    /// Whether it waits for us instead of dialling.
    pub passive: bool,
    /// Whether it accepts connections.
    pub listens: bool,
    /// Whoever is a router on its interface of this name is us, whatever `our_address` says.
    pub interface: Option<&'static str>,
    /// Whether we are more than one hop away.
    pub multi_hop: bool,
    /// How many hops away we may be (GTSM, RFC 5082).
    pub ttl_security_hops: Option<u8>,
    /// BFD to us.
    pub bfd: Option<BfdSettings>,
    /// Whether BFD that goes down while we restart ends nothing (RFC 5882 section 4.3).
    pub bfd_heeds_restart: bool,
    /// BFD of ours.
    pub our_bfd: Option<DesiredBfd>,
    /// Whether its routes and ours outlive restarts (RFC 4724).
    pub graceful_restart: bool,
    /// Its next hops on loopback addresses, one per family, for those that do not find them there by themselves.
    pub next_hops: Vec<IpAddr>,
    /// Whether it wants IPv4 routes.
    pub ipv4: bool,
    /// Whether it wants IPv6 routes.
    pub ipv6: bool,
}

/// How the other side watches over the way to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdSettings {
    /// Interval between its packets, ms.
    pub transmit: u64,
    /// Shortest interval between our packets, ms.
    pub receive: u64,
    /// After how many of its packets that do not come we give up.
    pub multiplier: u8,
}

impl PeerSettings {
    /// A peer of both families that dials and listens, one hop away and with nothing special about it: hold time 9 s.
    #[must_use]
    pub fn new((address, asn): (IpAddr, u32), (our_address, our_asn): (IpAddr, u32)) -> Self {
        Self {
            address,
            asn,
            our_address,
            our_asn,
            password: None,
            hold_time: 9,
            passive: false,
            listens: true,
            interface: None,
            multi_hop: false,
            ttl_security_hops: None,
            bfd: None,
            bfd_heeds_restart: false,
            our_bfd: None,
            graceful_restart: false,
            next_hops: Vec::new(),
            ipv4: true,
            ipv6: true,
        }
    }

    /// The families that it wants, as all daemons name them.
    #[must_use]
    pub fn families(&self) -> Vec<&'static str> {
        let families = [("ipv4", self.ipv4), ("ipv6", self.ipv6)];
        let wanted = families.into_iter().filter(|(_, wanted)| *wanted);
        wanted.map(|(family, _)| family).collect()
    }

    /// What it calls us: our address, or its interface.
    #[must_use]
    pub fn our_name(&self) -> String {
        match self.interface {
            Some(interface) => interface.to_owned(),
            None => self.our_address.to_string(),
        }
    }

    /// Its BGP identifier.
    #[must_use]
    pub fn identifier(&self) -> &'static str {
        "10.0.9.2"
    }
}

/// A route as the other side received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Next hops, the global one first.
    pub next_hops: Vec<IpAddr>,
    /// AS numbers of AS_PATH.
    pub as_path: Vec<u32>,
    /// `igp`, `egp` or `incomplete`.
    pub origin: String,
    /// LOCAL_PREF where the peer shows what was received.
    pub local_pref: Option<u32>,
    /// Communities, `65000:1`, in the order received.
    pub communities: Vec<String>,
    /// Large communities, `65000:1:2`.
    pub large_communities: Vec<String>,
}

/// A route that the other side has of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originated {
    /// `ADDRESS/LENGTH`.
    pub prefix: String,
    /// Its own address, for those that do not find it by themselves.
    pub next_hop: IpAddr,
    /// What follows its own AS in AS_PATH.
    pub as_path: Vec<u32>,
}

/// Code and subcode of a NOTIFICATION.
pub type Notified = (u8, u8);

/// A router daemon of another maker with one session to us. Started in a namespace; dropped, it is killed.
pub trait Peer: Sized {
    /// Its name.
    const NAME: &'static str;
    /// Whether the routes that it has from us are in the kernel of its host.
    const INSTALLS_ROUTES: bool = false;

    /// Starts it; `folder` is for its files.
    fn start(
        namespace: &Namespace,
        folder: &Path,
        settings: &PeerSettings,
    ) -> impl Future<Output = Result<Self>>;

    /// Ends it in order, so that it closes its session.
    fn stop(self) -> impl Future<Output = Result<()>>;

    /// Makes it stand still, or go on.
    fn suspend(&self, still: bool) -> impl Future<Output = Result<()>>;

    /// Whether the session is Established.
    fn established(&self) -> impl Future<Output = Result<bool>>;

    /// The route to a prefix, as received from us.
    fn route(&self, prefix: &str) -> impl Future<Output = Result<Option<Received>>>;

    /// How many UPDATEs, or routes in them, it received in this session.
    fn updates(&self) -> impl Future<Output = Result<u64>>;

    /// Makes it send ROUTE-REFRESH for the families that it wants.
    fn ask_for_refresh(&self) -> impl Future<Output = Result<()>>;

    /// Whether End-of-RIB arrived for each family that it wants (RFC 4724 section 2).
    fn end_of_rib(&self) -> impl Future<Output = Result<bool>>;

    /// Makes it advertise a route to us, instead of what it advertised of the prefix before.
    fn advertise(&self, route: &Originated) -> impl Future<Output = Result<()>>;

    /// Makes it withdraw that route.
    fn withdraw(&self, route: &Originated) -> impl Future<Output = Result<()>>;

    /// How many sessions with us became Established since it was started.
    fn sessions(&self) -> impl Future<Output = Result<u64>>;

    /// The last NOTIFICATION that it received.
    fn notified(&self) -> impl Future<Output = Result<Option<Notified>>>;

    /// Everything that it shows of why its last session ended: somewhere in it are the words that we left with (RFC 9003).
    fn parting_words(&self) -> impl Future<Output = Result<String>>;

    /// Makes it end the session with Cease/Administrative Reset and begin anew.
    fn reset(&self) -> impl Future<Output = Result<()>>;

    /// Makes it end the session with Cease/Administrative Shutdown and these words, and stay away for a while.
    fn shut_down(&self, words: &str) -> impl Future<Output = Result<()>>;

    /// Makes it come back after [`Peer::shut_down`].
    fn come_back(&self) -> impl Future<Output = Result<()>>;
}

/// A router daemon that has BFD.
pub trait BfdPeer: Peer {
    /// Whether its BGP goes on while its BFD stands still.
    const SPEAKS_BGP_WITHOUT_BFD: bool;

    /// Whether the BFD session with us is Up.
    fn bfd_is_up(&self) -> impl Future<Output = Result<bool>>;

    /// Gives the session other parameters while it lasts.
    fn change_bfd(&self, settings: &BfdSettings) -> impl Future<Output = Result<()>>;

    /// Makes what speaks BFD stand still, or go on.
    fn suspend_bfd(&self, still: bool) -> impl Future<Output = Result<()>>;
}
