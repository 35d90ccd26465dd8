use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use crate::fsm::State;
use crate::graceful_restart::RestartAgreement;
use crate::params::{Asn, BgpIdentifier, Family, FamilySet};
use crate::peer_config::PeerName;
use crate::rejected::Rejected;
use crate::scope::{Interface, shown};

/// Names one TCP attempt; never used twice by one speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Our side of a connection: what next hops are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddresses {
    /// The connection's local address.
    pub local: IpAddr,
    /// The IPv4 address of the session's interface.
    pub ipv4: Option<Ipv4Addr>,
    /// The global IPv6 address of the session's interface, or else the node's when the peer can reach it.
    pub ipv6: Option<Ipv6Addr>,
    /// Whether the peer is on a subnet of the interface: only then does a link-local next hop mean anything to it.
    pub on_link: bool,
}

/// A connection that the driver shall make. Address, port and options are those of the peer's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Whom to dial.
    pub peer: PeerName,
    /// How to call the attempt.
    pub connection: ConnectionId,
}

/// What a speaker tells its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Connect, then report `handle_connected` or `handle_connect_failed`.
    Dial(Dial),
    /// Write what is already taken for this connection and then `last`, and close it. The speaker has forgotten it.
    Close {
        /// Which one; perhaps still being dialled.
        connection: ConnectionId,
        /// Last messages, a NOTIFICATION at the end; empty when there is nothing to say.
        last: Vec<u8>,
    },
    /// The peer's state changed.
    StateChanged {
        /// Whose.
        peer: PeerName,
        /// The new one.
        state: State,
    },
    /// The session is Established.
    SessionUp {
        /// With whom.
        peer: PeerName,
        /// Families that both sides want.
        families: FamilySet,
    },
    /// The session left Established.
    SessionDown {
        /// With whom.
        peer: PeerName,
        /// Why, in words.
        reason: String,
    },
    /// The peer has sent all it has of a family, for the first time in its session (RFC 4724 section 2).
    EndOfRib {
        /// Who.
        peer: PeerName,
        /// Of which family.
        family: Family,
    },
    /// An attempt failed before the session was Established.
    AttemptFailed {
        /// With whom.
        peer: PeerName,
        /// Why, in words.
        reason: String,
    },
    /// A negotiated family is not advertised: there is no next hop that the peer could use (`NoNextHop`).
    NoNextHop {
        /// To whom.
        peer: PeerName,
        /// Which families.
        families: FamilySet,
    },
}

/// What can be told about one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The peer.
    pub peer: PeerName,
    /// Its address.
    pub address: IpAddr,
    /// The interface on which it is a neighbour, where the address is link-local.
    pub interface: Option<Interface>,
    /// Our AS.
    pub local_asn: Asn,
    /// The peer's AS; where the configuration leaves it open, known while Established.
    pub remote_asn: Option<Asn>,
    /// The state of the connection that has come furthest.
    pub state: State,
    /// When `state` last changed, since process start.
    pub since: Duration,
    /// Families negotiated; none unless Established.
    pub families: FamilySet,
    /// Negotiated families that cannot be advertised for want of a next hop.
    pub no_next_hop: FamilySet,
    /// The peer's identifier; known while Established.
    pub remote_identifier: Option<BgpIdentifier>,
    /// Why the last connection failed or ended; stays after recovery.
    pub last_error: Option<String>,
    /// How often the session left Established.
    pub flaps: u64,
    /// What was agreed on for restarts; none unless Established.
    pub graceful_restart: Option<RestartAgreement>,
    /// Prefixes of the peer that are accepted: none without configuration (RFC 8212).
    pub received: u64,
    /// Those of them that the peer has not confirmed yet: since its session was lost (RFC 4724), or since it began to
    /// send all of them again (RFC 7313).
    pub stale: u64,
    /// Families of which the peer has more prefixes than are accepted, or had when its session ended over it.
    pub excess: FamilySet,
    /// Prefixes that the peer was sent and that were not withdrawn since.
    pub advertised: u64,
    /// Messages and errors, since the peer was configured.
    pub counters: Counters,
}

impl SessionView {
    /// The peer's address as people write it, `fe80::1%eth0` on an interface.
    #[must_use]
    pub fn shown_address(&self) -> String {
        shown(self.address, self.interface.as_ref())
    }
}

/// What was seen on a peer's connections since it was configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Octets read.
    pub octets_received: u64,
    /// Octets written, but for last words.
    pub octets_sent: u64,
    /// UPDATEs read.
    pub updates_received: u64,
    /// UPDATEs written.
    pub updates_sent: u64,
    /// UPDATEs whose routes counted as withdrawn because of an error (RFC 7606).
    pub treated_as_withdraw: u64,
    /// Attributes passed over because of an error (RFC 7606).
    pub attributes_discarded: u64,
    /// Routes read and not accepted, and accepted ones that a new import filter ended.
    pub rejected: Rejected,
    /// NOTIFICATIONs read.
    pub notifications_received: u64,
    /// NOTIFICATIONs written.
    pub notifications_sent: u64,
}
