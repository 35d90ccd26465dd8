//! BFD between the nodes of a subnet, which watches over the direct routes between them.

use alloc::{collections::BTreeMap, format, vec::Vec};
use core::net::IpAddr;

use bfd::{Hops, PeerConfig, PeerName, Profile};
use model::{BfdProfile, Cluster, Name, PodNetwork, PodNetworkMode};

use super::look_up;
use crate::{Hop, Unusable, last_good::LastGood, network::Situation};

/// Stands between a node's name and its address in the name of a session, and in no name of a BGPPeer.
const SEPARATOR: char = '/';

/// Whether the session of this name is with a node, and not with a peer of BGP.
#[must_use]
pub fn is_with_node(session: &str) -> bool {
    session.contains(SEPARATOR)
}

/// By which profile nodes watch over the ways to each other; a profile that cannot be used goes to `unusable`. Somebody has
/// to begin, so nobody is passive.
pub(crate) fn node_profile(
    (cluster, profiles): (&Cluster, &LastGood<BfdProfile>),
    pod_network: Option<&PodNetwork>,
    unusable: &mut Vec<Unusable>,
) -> Option<Profile> {
    let network = pod_network.filter(|network| network.mode == PodNetworkMode::Network)?;
    let wanted = network.bfd_profile.as_ref()?;
    match look_up((cluster, profiles), wanted) {
        Ok(profile) => Some(Profile {
            passive: false,
            ..profile.timers
        }),
        Err(sentence) => {
            let message = format!(
                "spec.routes.bfdProfile: {sentence}, and until then direct routes are without BFD"
            );
            let name = PodNetwork::NAME.into();
            unusable.push(Unusable::new("PodNetwork", &name, message));
            None
        }
    }
}

/// Adds a session with every node that a direct route leads to. Where a peer of BGP has the address, and is one hop away,
/// its session watches over both.
pub(crate) fn with_nodes(
    sessions: &mut BTreeMap<PeerName, PeerConfig>,
    profile: Profile,
    situation: Situation<'_>,
) {
    let taken = |address: IpAddr, sessions: &BTreeMap<PeerName, PeerConfig>| {
        let mut near = sessions.values().filter(|each| each.hops == Hops::Single);
        near.any(|each| each.remote == address)
    };
    for (node, _, hop) in situation.direct() {
        if !taken(hop.gateway, sessions) {
            let config = session(node.name(), hop, profile, situation);
            sessions.insert(config.name.clone(), config);
        }
    }
}

fn session(node: &Name, hop: Hop, profile: Profile, situation: Situation<'_>) -> PeerConfig {
    PeerConfig {
        name: format!("{node}{SEPARATOR}{}", hop.gateway).into(),
        remote: hop.gateway,
        local: situation.own_address(hop),
        interface: None,
        hops: Hops::Single,
        profile,
    }
}
