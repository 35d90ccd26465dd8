use alloc::{format, string::String, vec::Vec};

use model::{
    Advertisement, Cluster, Communities, CommunityList, CommunityNames, Kind, Name, PodNetwork,
    Selection, community_names,
};

use crate::{Unusable, bgp::Terms, last_good::LastGood};

/// What outlives a change of the names of communities. Whose name is not defined (any more) goes on as it last was, and
/// what never had a meaning is not sent: a route without its communities may go where it must not.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    names: LastGood<CommunityNames>,
    advertisements: LastGood<(Selection, Terms)>,
    pod_network: Option<Communities>,
}

impl Named {
    pub(crate) fn new() -> Self {
        Self {
            names: LastGood::new(),
            advertisements: LastGood::new(),
            pod_network: None,
        }
    }

    /// What the names stand for now.
    pub(crate) fn names(
        &mut self,
        cluster: &Cluster,
        unusable: &mut Vec<Unusable>,
    ) -> CommunityNames {
        self.names.retain(&cluster.communities);
        let mut usable = Vec::with_capacity(cluster.communities.len());
        for object in cluster.communities.values() {
            unusable.extend(Unusable::rejected(Kind::Community.as_str(), object));
            let names = self.names.resolve(object, |_| true);
            usable.extend(names.map(|names| (&object.meta, names.clone())));
        }
        community_names(usable.iter().map(|(meta, names)| (*meta, names)))
    }

    /// All BGPAdvertisements, each as it was when it and its communities were last usable.
    pub(crate) fn advertisements(
        &mut self,
        cluster: &Cluster,
        names: &CommunityNames,
        unusable: &mut Vec<Unusable>,
    ) -> Vec<(Selection, Terms)> {
        let kind = Kind::Advertisement;
        self.advertisements.retain(&cluster.advertisements);
        let mut all = Vec::with_capacity(cluster.advertisements.len());
        for object in cluster.advertisements.values() {
            unusable.extend(Unusable::rejected(kind.as_str(), object));
            let make = |advertisement: &Advertisement| {
                let list = ("spec.communities", &advertisement.communities);
                let communities = defined((kind, &object.meta.name), list, names, unusable)?;
                let terms = Terms::new(&object.meta, advertisement, communities);
                Some((advertisement.selection.clone(), terms))
            };
            all.extend(self.advertisements.resolve_as(object, make).cloned());
        }
        all
    }

    /// The communities of this node's pod CIDRs; `None`: a name of theirs was never defined.
    pub(crate) fn pod_network(
        &mut self,
        pod_network: Option<&PodNetwork>,
        names: &CommunityNames,
        unusable: &mut Vec<Unusable>,
    ) -> Option<&Communities> {
        if let Some(pod_network) = pod_network {
            let object = (Kind::PodNetwork, &PodNetwork::NAME.into());
            let list = ("spec.advertise.communities", &pod_network.communities);
            if let Some(communities) = defined(object, list, names, unusable) {
                self.pod_network = Some(communities);
            }
        }
        self.pod_network.as_ref()
    }
}

/// What the list stands for; else what is missing goes to `unusable`.
fn defined(
    (kind, object): (Kind, &Name),
    (field, list): (&str, &CommunityList),
    names: &CommunityNames,
    unusable: &mut Vec<Unusable>,
) -> Option<Communities> {
    let unknown = match list.resolve(names) {
        Ok(communities) => return Some(communities),
        Err(unknown) => unknown,
    };
    let unknown: Vec<String> = unknown.iter().map(|name| format!("\"{name}\"")).collect();
    let message = format!(
        "{field}: no Community defines {}; until one does, what was sent last stays as it is, and nothing new is sent",
        unknown.join(", ")
    );
    unusable.push(Unusable::new(kind.as_str(), object, message));
    None
}
