use alloc::{format, vec::Vec};

use bgp::{Excess, Import, ImportRule, PeerSet, Prefix};
use model::{Cluster, Node, PodNetwork, PodNetworkMode};

use crate::{Unusable, bgp::named};

/// Most prefixes of one family that are accepted from a peer.
const MAX_PREFIXES: u32 = 10_000;
/// Fabrics that give all nodes one AS bring pod CIDRs back with that AS once in the path.
const OWN_ASN: u8 = 1;

/// The last usable PodNetwork. It outlives its object: what is deleted by mistake breaks nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastPodNetwork(Option<PodNetwork>);

impl LastPodNetwork {
    /// The PodNetwork that counts, and whether its object is gone.
    pub(crate) fn resolve(
        &mut self,
        cluster: &Cluster,
        own: &Node,
        unusable: &mut Vec<Unusable>,
    ) -> (Option<&PodNetwork>, bool) {
        for object in cluster.pod_networks.values() {
            unusable.extend(Unusable::rejected("PodNetwork", object));
        }
        let object = cluster.pod_networks.get(PodNetwork::NAME);
        if let Some(Ok(usable)) = object.map(|object| &object.value) {
            self.0 = Some(usable.clone());
        }
        if let Some(pod_network) = &self.0 {
            unusable.extend(uncovered(pod_network, own));
        }
        (self.0.as_ref(), self.0.is_some() && object.is_none())
    }
}

/// This node's own range must be one of the cluster's: else other nodes would not route to it.
fn uncovered(pod_network: &PodNetwork, own: &Node) -> Option<Unusable> {
    let covered = |prefix: &Prefix| {
        let ranges = &pod_network.pod_cidrs;
        ranges.iter().any(|range| range.contains(prefix))
    };
    let missing = own.pod_prefixes().find(|prefix| !covered(prefix))?;
    let message = format!(
        "spec.podCIDRs: no range holds {missing}, which is in spec.podCIDRs of this Node, so other nodes do not route \
         to its pods; add the range of the controller manager's --cluster-cidr"
    );
    let concerned = pod_network.mode == PodNetworkMode::Network;
    concerned.then(|| Unusable::new("PodNetwork", &PodNetwork::NAME.into(), message))
}

/// From whom pod CIDRs are learned.
#[derive(Clone, Debug)]
pub(crate) struct Learning {
    peers: PeerSet,
    import: Import,
}

impl Learning {
    pub(crate) fn new(pod_network: Option<&PodNetwork>, own: &Node) -> Self {
        let imports = |pod_network: &&PodNetwork| {
            pod_network.mode == PodNetworkMode::Network && pod_network.import
        };
        let Some(pod_network) = pod_network.filter(imports) else {
            return Self {
                peers: PeerSet::All,
                import: Import::default(),
            };
        };
        Self {
            peers: named(&pod_network.peers),
            import: Import {
                rules: pod_network.pod_cidrs.iter().copied().map(rule).collect(),
                except: own.pod_prefixes().collect(),
                max_prefixes: MAX_PREFIXES,
                excess: Excess::Ignore,
            },
        }
    }

    /// What is accepted of a peer whose object asks for `own`: that, and what the pod network needs. What the object says
    /// of too many prefixes counts for both.
    pub(crate) fn import(&self, peer: &str, own: &Import) -> Import {
        let pods = &self.import;
        match (self.peers.contains(peer), own.is_closed()) {
            (false, _) => own.clone(),
            (true, true) => pods.clone(),
            (true, false) => Import {
                rules: pods.rules.iter().chain(&own.rules).copied().collect(),
                except: pods.except.clone(),
                ..own.clone()
            },
        }
    }
}

fn rule(pods: Prefix) -> ImportRule {
    let mut rule = ImportRule::within(pods);
    rule.allow_own_asn = OWN_ASN;
    rule
}
