use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use model::{
    Advertisement, BfdProfile, Cluster, CommunityList, CommunityNames, Condition, Kind,
    L2Advertisement, Meta, Name, Parsed, Peer, Place, PodNetwork, Pool, PoolCounts, Rejection,
    condition_type,
};

use crate::{outcome::with_times, overruled::overruled, space::Space};

/// Reasons of conditions on configuration objects.
mod reason {
    pub(super) const ACCEPTED: &str = "Accepted";
    pub(super) const REJECTED: &str = "Rejected";
    pub(super) const DUPLICATE_PEER: &str = "DuplicatePeer";
    pub(super) const DUPLICATE_NAME: &str = "DuplicateName";
    pub(super) const RESOLVED: &str = "ResolvedRefs";
    pub(super) const MISSING: &str = "RefNotFound";
    pub(super) const OVERLAPS: &str = "Overlaps";
    pub(super) const NO_OVERLAP: &str = "NoOverlap";
    pub(super) const OVERRULED: &str = "AttributesOverruled";
}

/// Parts of a list in a sentence, before it says "and N more".
const LISTED: usize = 8;

/// Counts and conditions that the pool's status is to show.
pub(crate) fn pool_status(
    cluster: &Cluster,
    space: &Space,
    object: &Parsed<Pool>,
) -> (PoolCounts, Vec<Condition>) {
    let meta = &object.meta;
    let (pool, own) = match (&object.value, space.pool(&meta.name)) {
        (Ok(pool), Some(own)) => (pool, own),
        (Err(rejection), _) => return (PoolCounts::default(), rejected(meta, rejection)),
        // Accepted since the space was last drawn up: the next pass has it.
        (Ok(pool), None) => return (pool.counts, meta.conditions.clone()),
    };
    let namespaces = pool
        .allocation
        .iter()
        .flat_map(|allocation| &allocation.namespaces);
    let missing = namespaces
        .filter(|name| !cluster.namespaces.contains_key(*name))
        .map(|name| format!("Namespace \"{name}\" does not exist"));
    let overlaps: Vec<_> = own
        .lost
        .iter()
        .map(|(range, winner)| format!("{range} belongs to the older pool \"{winner}\""))
        .collect();
    let generation = meta.generation;
    let overlap = match overlaps.is_empty() {
        true => Condition::new(
            condition_type::OVERLAPS,
            false,
            reason::NO_OVERLAP,
            "no older pool has any of its addresses",
            generation,
        ),
        false => Condition::new(
            condition_type::OVERLAPS,
            true,
            reason::OVERLAPS,
            sentence(&overlaps),
            generation,
        ),
    };
    let conditions = [
        accepted(meta, "the pool is usable"),
        resolved(meta, missing.collect()),
        overlap,
    ];
    (
        own.counts(),
        with_times(conditions.into(), &meta.conditions),
    )
}

/// Conditions that the peer's status is to show.
pub(crate) fn peer_status(cluster: &Cluster, object: &Parsed<Peer>) -> Vec<Condition> {
    let meta = &object.meta;
    let peer = match &object.value {
        Ok(peer) => peer,
        Err(rejection) => return rejected(meta, rejection),
    };
    let password = peer
        .password_secret
        .as_ref()
        .and_then(|name| match cluster.secrets.get(name) {
            None => Some(format!(
                "Secret \"{name}\" does not exist in the install namespace"
            )),
            Some(Err(rejection)) => Some(format!("Secret \"{name}\": {rejection}")),
            Some(Ok(_)) => None,
        });
    let verdict = match winner(cluster, object) {
        None => accepted(meta, "the peer is usable"),
        Some(winner) => Condition::new(
            condition_type::ACCEPTED,
            false,
            reason::DUPLICATE_PEER,
            format!(
                "BGPPeer \"{winner}\" is older and has the same {} on a common node",
                where_it_is(peer)
            ),
            meta.generation,
        ),
    };
    let problems = password.into_iter().chain(bfd_problem(cluster, peer));
    let conditions = [verdict, resolved(meta, problems.collect())];
    with_times(conditions.into(), &meta.conditions)
}

/// Conditions that the profile's status is to show.
pub(crate) fn bfd_profile_status(object: &Parsed<BfdProfile>) -> Vec<Condition> {
    let meta = &object.meta;
    match &object.value {
        Ok(_) => with_times(
            [accepted(meta, "the profile is usable")].into(),
            &meta.conditions,
        ),
        Err(rejection) => rejected(meta, rejection),
    }
}

/// Why the peer's session has no BFD although it asks for it.
fn bfd_problem(cluster: &Cluster, peer: &Peer) -> Option<String> {
    let name = peer.bfd_profile.as_ref()?;
    let because = match usable_profile(cluster, name) {
        Err(because) => because,
        Ok(profile) => {
            let rejection = profile
                .minimum_ttl(peer.multi_hop_ttl, peer.ttl_security_hops)
                .err()?;
            format!("BFDProfile \"{name}\": {rejection}")
        }
    };
    Some(format!("{because} (until then the session is without BFD)"))
}

/// The profile of that name, or why there is none.
fn usable_profile<'a>(cluster: &'a Cluster, name: &Name) -> Result<&'a BfdProfile, String> {
    match cluster.bfd_profiles.get(name).map(|object| &object.value) {
        None => Err(format!("BFDProfile \"{name}\" does not exist")),
        Some(Err(rejection)) => Err(format!("BFDProfile \"{name}\": {rejection}")),
        Some(Ok(profile)) => Ok(profile),
    }
}

/// Conditions that the advertisement's status is to show.
pub(crate) fn advertisement_status(
    cluster: &Cluster,
    object: &Parsed<Advertisement>,
) -> Vec<Condition> {
    let meta = &object.meta;
    let advertisement = match &object.value {
        Ok(advertisement) => advertisement,
        Err(rejection) => return rejected(meta, rejection),
    };
    let pools = missing(Kind::Pool, &advertisement.selection.pools, &cluster.pools);
    let peers = missing(Kind::Peer, &advertisement.peers, &cluster.peers);
    let communities = undefined(cluster, &advertisement.communities);
    let problems = pools.chain(peers).chain(communities).collect();
    let overruled = overruled(cluster, meta, advertisement);
    let overlaps = Condition::new(
        condition_type::OVERLAPS,
        overruled.is_some(),
        if overruled.is_some() {
            reason::OVERRULED
        } else {
            reason::NO_OVERLAP
        },
        overruled.unwrap_or_else(|| {
            "no advertisement for the same addresses has other attributes that count".into()
        }),
        meta.generation,
    );
    let conditions = [
        accepted(meta, "the advertisement is usable"),
        resolved(meta, problems),
        overlaps,
    ];
    with_times(conditions.into(), &meta.conditions)
}

/// Conditions that the status of an advertisement of layer 2 is to show.
pub(crate) fn l2_advertisement_status(
    cluster: &Cluster,
    object: &Parsed<L2Advertisement>,
) -> Vec<Condition> {
    let meta = &object.meta;
    let advertisement = match &object.value {
        Ok(advertisement) => advertisement,
        Err(rejection) => return rejected(meta, rejection),
    };
    let pools = &advertisement.selection.pools;
    let problems = missing(Kind::Pool, pools, &cluster.pools).collect();
    let conditions = [
        accepted(meta, "the advertisement is usable"),
        resolved(meta, problems),
    ];
    with_times(conditions.into(), &meta.conditions)
}

/// Conditions that the pod network's status is to show.
pub(crate) fn pod_network_status(cluster: &Cluster, object: &Parsed<PodNetwork>) -> Vec<Condition> {
    let meta = &object.meta;
    let network = match &object.value {
        Ok(network) => network,
        Err(rejection) => return rejected(meta, rejection),
    };
    let peers = missing(Kind::Peer, &network.peers, &cluster.peers);
    let profile = network.bfd_profile.as_ref();
    let profile = profile.and_then(|name| usable_profile(cluster, name).err());
    let profile =
        profile.map(|because| format!("{because} (until then direct routes are without BFD)"));
    let problems = peers
        .chain(undefined(cluster, &network.communities))
        .chain(profile)
        .collect();
    let conditions = [
        accepted(meta, "the pod network is usable"),
        resolved(meta, problems),
    ];
    with_times(conditions.into(), &meta.conditions)
}

/// Conditions that the status of an object which names communities is to show.
pub(crate) fn community_status(
    cluster: &Cluster,
    object: &Parsed<CommunityNames>,
) -> Vec<Condition> {
    let meta = &object.meta;
    let names = match &object.value {
        Ok(names) => names,
        Err(rejection) => return rejected(meta, rejection),
    };
    let age = |meta: &Meta| (meta.created, meta.name.clone());
    let older = |name: &Name| {
        let objects = cluster.communities.values();
        let others = objects.filter(|other| age(&other.meta) < age(meta));
        let mut same =
            others.filter(|other| matches!(&other.value, Ok(names) if names.contains_key(name)));
        Some(format!(
            "\"{name}\" is that of the older Community \"{}\"",
            same.next()?.meta.name
        ))
    };
    let lost: Vec<_> = names.keys().filter_map(older).collect();
    let verdict = match lost.is_empty() {
        true => accepted(meta, "the names can be used"),
        false => Condition::new(
            condition_type::ACCEPTED,
            false,
            reason::DUPLICATE_NAME,
            sentence(&lost),
            meta.generation,
        ),
    };
    with_times([verdict].into(), &meta.conditions)
}

/// Whether a reader of `observed` sees something else than `wanted`. Conditions of other types are
/// another's business.
pub(crate) fn differ(wanted: &[Condition], observed: &[Condition]) -> bool {
    let ours = [
        condition_type::ACCEPTED,
        condition_type::RESOLVED_REFS,
        condition_type::OVERLAPS,
    ];
    ours.iter().any(|kind| {
        let find = |list: &'_ [Condition]| {
            list.iter()
                .find(|condition| condition.kind == *kind)
                .cloned()
        };
        match (find(wanted), find(observed)) {
            (None, None) => false,
            (Some(wanted), Some(observed)) => !wanted.same(&observed),
            (Some(_), None) | (None, Some(_)) => true,
        }
    })
}

/// The oldest usable peer of the same address, or on the same interface, that some node would have besides this one.
fn winner<'a>(cluster: &'a Cluster, object: &Parsed<Peer>) -> Option<&'a Name> {
    let age = |meta: &Meta| (meta.created, meta.name.clone());
    let peer = object.value.as_ref().ok()?;
    let mut rivals: Vec<(&Meta, &Peer)> = cluster
        .peers
        .values()
        .filter_map(|rival| Some((&rival.meta, rival.value.as_ref().ok()?)))
        .filter(|(meta, rival)| rival.place == peer.place && age(meta) <= age(&object.meta))
        .collect();
    rivals.sort_by_key(|(meta, _)| age(meta));
    // Who has lost to an older one takes nothing from a younger one.
    let mut usable: Vec<(&Meta, &Peer)> = Vec::new();
    for (meta, rival) in rivals {
        let clash = usable
            .iter()
            .find(|(_, older)| common_node(cluster, older, rival));
        match clash {
            Some((older, _)) if meta.name == object.meta.name => return Some(&older.name),
            Some(_) => {}
            None => usable.push((meta, rival)),
        }
    }
    None
}

fn where_it_is(peer: &Peer) -> &'static str {
    match peer.place {
        Place::Address(_) => "address",
        Place::Interface(_) => "interface",
    }
}

fn common_node(cluster: &Cluster, one: &Peer, other: &Peer) -> bool {
    cluster
        .nodes
        .values()
        .map(|node| &node.meta.labels)
        .any(|labels| one.nodes.matches(labels) && other.nodes.matches(labels))
}

/// A sentence for each name that no object of the kind has.
fn missing<T>(
    kind: Kind,
    names: &[Name],
    known: &BTreeMap<Name, T>,
) -> impl Iterator<Item = String> {
    let unknown = names.iter().filter(|name| !known.contains_key(*name));
    unknown.map(move |name| format!("{} \"{name}\" does not exist", kind.as_str()))
}

/// A sentence for each name of a community that no Community defines.
fn undefined(cluster: &Cluster, list: &CommunityList) -> impl Iterator<Item = String> {
    let unknown = list.resolve(&cluster.community_names()).err();
    let unknown = unknown.into_iter().flatten();
    unknown.map(|name| format!("no Community defines \"{name}\""))
}

fn accepted(meta: &Meta, message: &str) -> Condition {
    Condition::new(
        condition_type::ACCEPTED,
        true,
        reason::ACCEPTED,
        message,
        meta.generation,
    )
}

/// Nothing else can be said of an object that makes no sense.
fn rejected(meta: &Meta, rejection: &Rejection) -> Vec<Condition> {
    let kind = condition_type::ACCEPTED;
    let condition = Condition::new(
        kind,
        false,
        reason::REJECTED,
        rejection.to_string(),
        meta.generation,
    );
    with_times([condition].into(), &meta.conditions)
}

fn resolved(meta: &Meta, problems: Vec<String>) -> Condition {
    let kind = condition_type::RESOLVED_REFS;
    match problems.is_empty() {
        true => Condition::new(
            kind,
            true,
            reason::RESOLVED,
            "every name exists",
            meta.generation,
        ),
        false => Condition::new(
            kind,
            false,
            reason::MISSING,
            sentence(&problems),
            meta.generation,
        ),
    }
}

fn sentence(parts: &[String]) -> String {
    let shown = parts
        .iter()
        .take(LISTED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match parts.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
