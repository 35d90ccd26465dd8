use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use crate::graceful_restart::GracefulRestart;
use crate::import::Import;
use crate::params::{Asn, BgpIdentifier, Family, FamilySet, HoldTime};
use crate::remote_asn::RemoteAsn;
use crate::scope::{Interface, ScopedAddress, shown};
use crate::wire::PeerType;

/// Name of a peer, as its configuration has it.
pub type PeerName = Arc<str>;

/// One configured neighbour. Holds no secret: `password_generation` stands for the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// Unique among the peers of a speaker.
    pub name: PeerName,
    /// The peer's address; with `interface` unique among the peers of a speaker.
    pub address: IpAddr,
    /// The interface on which the peer is a neighbour with this link-local `address`: its next hops may be such addresses,
    /// too. `None`: the address means the same everywhere.
    pub interface: Option<Interface>,
    /// The peer's TCP port, for connections that we dial.
    pub port: u16,
    /// Our end of every connection; `None`: what the system chooses for a dial, and any address for a connection of the
    /// peer's.
    pub source: Option<IpAddr>,
    /// Our AS.
    pub local_asn: Asn,
    /// The peer's AS, or which it may be; an OPEN with another is refused.
    pub remote_asn: RemoteAsn,
    /// Our BGP identifier.
    pub identifier: BgpIdentifier,
    /// Hold time that we propose.
    pub hold_time: HoldTime,
    /// Interval between KEEPALIVEs, at most a third of the negotiated hold time; `None`: that third.
    pub keepalive: Option<Duration>,
    /// How long the peer may read nothing of what we send, longer than `hold_time`; `None`: 480 s, or twice the negotiated
    /// hold time when that is longer (RFC 9687 section 3.1). Without a hold time it does not count.
    pub send_hold: Option<Duration>,
    /// Fixed interval between attempts to connect; `None`: from 1 s growing to 30 s.
    pub connect_retry: Option<Duration>,
    /// Never dial, wait for the peer to connect.
    pub passive: bool,
    /// Families that we offer; those that we do not know are left out.
    pub families: Vec<Family>,
    /// Which of the peer's prefixes are accepted.
    pub import: Import,
    /// Whether routes outlive a restart of the one or the other (RFC 4724); `None`: they end with the session.
    pub graceful_restart: Option<GracefulRestart>,
    /// TTL (hop limit) of our packets for a peer that may be more than one hop away; `None`: 1 for eBGP.
    pub multi_hop_ttl: Option<u8>,
    /// The peer is at most so many hops away, 1 to 254: what has come farther is dropped (GTSM, RFC 5082).
    pub ttl_security_hops: Option<u8>,
    /// 0: no password. Changes whenever the password does.
    pub password_generation: u64,
}

impl PeerConfig {
    /// A neighbour on the link, both families, with the timers of the RFC, nothing accepted, no graceful restart and no
    /// password.
    #[must_use]
    pub fn new(
        name: PeerName,
        address: IpAddr,
        [local_asn, remote_asn]: [Asn; 2],
        identifier: BgpIdentifier,
    ) -> Self {
        Self {
            name,
            address,
            interface: None,
            port: 179,
            source: None,
            local_asn,
            remote_asn: RemoteAsn::Fixed(remote_asn),
            identifier,
            hold_time: HoldTime::DEFAULT,
            keepalive: None,
            send_hold: None,
            connect_retry: None,
            passive: false,
            families: [Family::IPV4_UNICAST, Family::IPV6_UNICAST].to_vec(),
            import: Import::default(),
            graceful_restart: None,
            multi_hop_ttl: None,
            ttl_security_hops: None,
            password_generation: 0,
        }
    }

    /// Whether connections of this address are the peer's.
    #[must_use]
    pub fn is_at(&self, remote: ScopedAddress) -> bool {
        let there = |own: &Interface| remote.interface == Some(own.index);
        self.address == remote.address.to_canonical() && self.interface.as_ref().is_none_or(there)
    }

    /// The peer's address as people write it, `fe80::1%eth0` on an interface.
    #[must_use]
    pub fn shown_address(&self) -> String {
        shown(self.address, self.interface.as_ref())
    }

    /// Whether the peer is in our AS.
    #[must_use]
    pub fn peer_type(&self) -> PeerType {
        self.remote_asn.peer_type(self.local_asn)
    }

    /// The families that we offer.
    #[must_use]
    pub fn family_set(&self) -> FamilySet {
        self.families.iter().copied().collect()
    }

    /// Whether a session made with `self` may go on under `other`: only what the session does not depend on differs. A
    /// wider `import` may still cost the session of a peer that cannot send its routes again (RFC 2918).
    #[must_use]
    pub fn keeps_session(&self, other: &Self) -> bool {
        let timers = Self {
            keepalive: other.keepalive,
            send_hold: other.send_hold,
            connect_retry: other.connect_retry,
            passive: other.passive,
            import: other.import.clone(),
            ..self.clone()
        };
        timers == *other
    }
}
