//! What must be true once the world is left in peace, said in the plainest way.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use bgp::Prefix;
use model::{AddressFamily, EndpointState, Kind, Object, Service, TrafficPolicy};

use crate::{Api, World};

/// Compares the world with what it should be; the first difference is told in a sentence.
///
/// # Errors
/// The sentence.
pub fn compare(world: &World) -> Result<(), String> {
    assigned(&world.api)?;
    for node in 0..world.nodes() {
        let expected = expected_routes(&world.api, node);
        let actual = world.router.routes_of(node);
        if expected != actual {
            return Err(format!(
                "the router should have {expected:?} from node-{node}, and has {actual:?}"
            ));
        }
        if world.router.connections_of(node) != 1 {
            return Err(format!(
                "node-{node} should have one connection to the router"
            ));
        }
    }
    Ok(())
}

/// Every Service has legal addresses, none is held twice, and none goes without while one is free.
fn assigned(api: &Api) -> Result<(), String> {
    let legal = legal_addresses(api);
    let mut holders: BTreeMap<IpAddr, &Service> = BTreeMap::new();
    for service in services(api) {
        for &address in &service.addresses {
            if !legal.contains(&address) {
                return Err(format!(
                    "{} has {address}, which is in no pool",
                    service.key
                ));
            }
            if let Some(other) = holders.insert(address, service) {
                return Err(format!(
                    "{} and {} both have {address}",
                    service.key, other.key
                ));
            }
        }
    }
    for service in services(api).filter(|service| service.addresses.is_empty()) {
        let wanted = service
            .request
            .as_ref()
            .map(|r| r.addresses.clone())
            .unwrap_or_default();
        let free = |family: AddressFamily| {
            legal.iter().any(|address| {
                AddressFamily::of(*address) == family
                    && !holders.contains_key(address)
                    && (wanted.is_empty() || wanted.contains(address))
            })
        };
        // A request names an IPv4 address only; a dual-stack Service then cannot be met.
        let possible = match wanted.is_empty() {
            true => service.families.iter().all(|family| free(*family)),
            false => service.families.len() == 1 && free(AddressFamily::IPv4),
        };
        if possible {
            return Err(format!("{} has no address while one is free", service.key));
        }
    }
    Ok(())
}

fn expected_routes(api: &Api, node: usize) -> BTreeSet<Prefix> {
    let name = format!("node-{node}");
    let excluded = api.all(Kind::Node).any(|object| {
        matches!(object, Object::Node(node)
            if *node.meta.name == *name && node.excluded_from_load_balancers())
    });
    if excluded {
        return BTreeSet::new();
    }
    let legal = legal_addresses(api);
    let announced = services(api).flat_map(|service| {
        let name = &name;
        service.addresses.iter().filter(move |address| {
            let endpoints = ready_nodes(api, service, AddressFamily::of(**address));
            match service.traffic_policy {
                TrafficPolicy::Cluster => !endpoints.is_empty(),
                TrafficPolicy::Local => endpoints.contains(name.as_str()),
            }
        })
    });
    announced
        .filter(|address| legal.contains(address))
        .map(|address| Prefix::host(*address))
        .collect()
}

fn ready_nodes(api: &Api, service: &Service, family: AddressFamily) -> BTreeSet<String> {
    api.all(Kind::EndpointSlice)
        .filter_map(|object| match object {
            Object::EndpointSlice(slice)
                if slice.service == service.key && slice.family == family =>
            {
                Some(slice)
            }
            _ => None,
        })
        .flat_map(|slice| &slice.endpoints)
        .filter(|endpoint| endpoint.state == EndpointState::Ready)
        .filter_map(|endpoint| endpoint.node.as_ref().map(ToString::to_string))
        .collect()
}

fn legal_addresses(api: &Api) -> BTreeSet<IpAddr> {
    let ranges = api.all(Kind::Pool).filter_map(|object| match object {
        Object::Pool(pool) => pool.value.as_ref().ok(),
        _ => None,
    });
    ranges
        .flat_map(|pool| &pool.ranges)
        .flat_map(addresses_of)
        .collect()
}

/// The simulation's pools differ in the last octet only.
fn addresses_of(range: &model::AddressRange) -> Vec<IpAddr> {
    match (range.first(), range.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits()..=last.to_bits())
            .map(|bits| IpAddr::V4(bits.into()))
            .collect(),
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits()..=last.to_bits())
            .map(|bits| IpAddr::V6(bits.into()))
            .collect(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Vec::new(),
    }
}

fn services(api: &Api) -> impl Iterator<Item = &Service> {
    api.all(Kind::Service).filter_map(|object| match object {
        Object::Service(service) => Some(service),
        _ => None,
    })
}
