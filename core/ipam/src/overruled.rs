//! Which advertisement's LOCAL_PREF, MED and prepending count where two meet, as far as the objects alone show it.

use alloc::{format, string::String};

use model::{Advertisement, Cluster, Meta, Name, Selectors};

/// Why the advertisement's attributes do not count everywhere; `None`: nothing is known that speaks against them.
///
/// Two advertisements whose selectors of Services differ may never meet; nothing is said about them.
pub(crate) fn overruled(
    cluster: &Cluster,
    meta: &Meta,
    advertisement: &Advertisement,
) -> Option<String> {
    let own = advertisement.precedence(meta);
    let usable = cluster.advertisements.values();
    let usable = usable.filter_map(|object| Some((&object.meta, object.value.as_ref().ok()?)));
    let stronger = usable.filter(|(rival_meta, rival)| {
        rival.precedence(rival_meta) < own
            && attributes(rival) != attributes(advertisement)
            && peers_meet(rival, advertisement)
            && services_meet(rival, advertisement)
            && nodes_meet(cluster, rival, advertisement)
    });
    let mut met = stronger.filter_map(|(rival_meta, rival)| {
        let pool = common_pool(cluster, rival, advertisement)?;
        Some((rival.precedence(rival_meta), pool))
    });
    let first = met.next()?;
    let (winner, pool) = met.fold(first, |a, b| if b.0 < a.0 { b } else { a });
    Some(format!(
        "for addresses of pool \"{pool}\" the localPref, med and asPathPrepend of BGPAdvertisement \"{}\" count, \
         which selects them too: of several the one with the highest localPref, then the oldest",
        winner.name
    ))
}

fn attributes(advertisement: &Advertisement) -> (u32, Option<u32>, u8) {
    (
        advertisement.effective_local_pref(),
        advertisement.med,
        advertisement.as_path_prepend,
    )
}

fn peers_meet(one: &Advertisement, other: &Advertisement) -> bool {
    one.peers.is_empty()
        || other.peers.is_empty()
        || one.peers.iter().any(|peer| other.peers.contains(peer))
}

fn services_meet(one: &Advertisement, other: &Advertisement) -> bool {
    let (one, other) = (&one.selection.services, &other.selection.services);
    let all = |selectors: &Selectors| selectors.0.is_empty();
    all(one) || all(other) || one == other
}

fn nodes_meet(cluster: &Cluster, one: &Advertisement, other: &Advertisement) -> bool {
    cluster
        .nodes
        .values()
        .map(|node| &node.meta.labels)
        .any(|labels| one.selection.nodes.matches(labels) && other.selection.nodes.matches(labels))
}

fn common_pool<'a>(
    cluster: &'a Cluster,
    one: &Advertisement,
    other: &Advertisement,
) -> Option<&'a Name> {
    let mut common = cluster.pools.iter().filter(|(name, pool)| {
        let labels = &pool.meta.labels;
        one.selection.selects_pool(name, labels) && other.selection.selects_pool(name, labels)
    });
    common.next().map(|(name, _)| name)
}
