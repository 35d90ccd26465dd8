//! Over which sessions BFD watches, and how.

mod nodes;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::net::IpAddr;

use bfd::{Hops, PeerConfig, PeerName, Profile};
use bgp::wire::PeerType;
use model::{BfdProfile, Cluster, Kind, Name, Peer};

use crate::{Links, PlannedPeer, Unusable, last_good::LastGood, peer::PeerBook};

pub use nodes::is_with_node;
pub(crate) use nodes::{node_profile, with_nodes};

/// What the configuration says of BFD to one peer; how far away the peer is, it need not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    remote: IpAddr,
    local: Option<IpAddr>,
    /// Where a link-local `remote` is.
    interface: Option<u32>,
    profile: Profile,
    way: Way,
    /// Smallest TTL that is taken over routers.
    minimum_ttl: u8,
}

/// How the peer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// On a link of ours.
    OneHop,
    /// Over routers, perhaps.
    Routed,
    /// Either: whether the peer is on a subnet of ours tells.
    BySubnet,
}

/// Of the planned sessions those that BFD watches over. Profiles that turn bad stay as they were when they were last
/// usable; a session whose profile never was is without BFD, and that goes to `unusable`.
pub(crate) fn watched(
    cluster: &Cluster,
    book: &PeerBook,
    planned: &BTreeMap<PeerName, PlannedPeer>,
    profiles: &mut LastGood<BfdProfile>,
    unusable: &mut Vec<Unusable>,
) -> BTreeMap<PeerName, Watched> {
    profiles.retain(&cluster.bfd_profiles);
    for object in cluster.bfd_profiles.values() {
        unusable.extend(Unusable::rejected(Kind::BfdProfile.as_str(), object));
        profiles.resolve(object, |_| true);
    }
    let mut watched = BTreeMap::new();
    for (name, planned) in planned {
        let Some((peer, wanted)) = book
            .peer(name)
            .and_then(|peer| Some((peer, peer.bfd_profile.as_ref()?)))
        else {
            continue;
        };
        let profile = look_up((cluster, profiles), wanted).map_err(|sentence| {
            format!("spec.bfdProfile: {sentence}, and until then the session is without BFD")
        });
        match profile.and_then(|profile| Watched::new(planned, peer, (wanted, profile))) {
            Ok(one) => drop(watched.insert(name.clone(), one)),
            Err(message) => unusable.push(Unusable::new(Kind::Peer.as_str(), name, message)),
        }
    }
    watched
}

/// The sessions as the session machine needs to know them. Of a peer that may be on a link or not there is none before
/// the links are known.
pub(crate) fn peers(
    watched: &BTreeMap<PeerName, Watched>,
    links: Option<&Links>,
) -> BTreeMap<PeerName, PeerConfig> {
    let config = |(name, watched): (&PeerName, &Watched)| {
        let one_hop = match watched.way {
            Way::OneHop => true,
            Way::Routed => false,
            Way::BySubnet => links?.has_subnet_of(watched.remote),
        };
        let config = PeerConfig {
            name: name.clone(),
            remote: watched.remote,
            local: watched.local,
            interface: watched.interface,
            hops: match one_hop {
                true => Hops::Single,
                false => Hops::Multi {
                    minimum_ttl: watched.minimum_ttl,
                },
            },
            profile: watched.profile,
        };
        Some((name.clone(), config))
    };
    watched.iter().filter_map(config).collect()
}

impl Watched {
    fn new(
        planned: &PlannedPeer,
        peer: &Peer,
        (name, profile): (&Name, &BfdProfile),
    ) -> Result<Self, String> {
        let minimum_ttl = profile.minimum_ttl(peer.multi_hop_ttl, peer.ttl_security_hops);
        let minimum_ttl = minimum_ttl.map_err(|rejection| {
            format!(
                "spec.bfdProfile: the session is without BFD because of BFDProfile {name}: {rejection}"
            )
        })?;
        Ok(Self {
            remote: planned.config.address,
            local: planned.config.source,
            interface: planned
                .config
                .interface
                .as_ref()
                .map(|interface| interface.index),
            profile: profile.timers,
            way: Way::of(planned),
            minimum_ttl,
        })
    }
}

impl Way {
    fn of(planned: &PlannedPeer) -> Self {
        let config = &planned.config;
        if config.interface.is_some() {
            return Self::OneHop;
        }
        // As FRR and BIRD see it: TTL security over more than one hop is a way over routers.
        let may_be_far = config.multi_hop_ttl.is_some() || config.ttl_security_hops > Some(1);
        match (config.peer_type(), may_be_far) {
            (PeerType::External, false) => Self::OneHop,
            (PeerType::External, true) => Self::Routed,
            (PeerType::Internal, true) if config.multi_hop_ttl.is_some() => Self::Routed,
            (PeerType::Internal, _) => Self::BySubnet,
        }
    }
}

/// The profile as it was when it was last usable, or a sentence about it.
fn look_up<'a>(
    (cluster, profiles): (&Cluster, &'a LastGood<BfdProfile>),
    wanted: &Name,
) -> Result<&'a BfdProfile, String> {
    let known = cluster.bfd_profiles.contains_key(wanted);
    let profile = profiles.get(wanted);
    profile.ok_or_else(|| absent(wanted, known))
}

fn absent(profile: &Name, known: bool) -> String {
    let (problem, remedy) = match known {
        true => ("cannot be used", "correct it"),
        false => ("does not exist", "create it, or name another one"),
    };
    format!("BFDProfile {profile} {problem} ({remedy})")
}
