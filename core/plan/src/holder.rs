use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use model::{
    Cluster, ConditionStatus, Service, ServiceKey, Settings, StatusOwner, Timestamp, condition_type,
};

/// Which Services have an address in their status, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    by_address: BTreeMap<IpAddr, Vec<ServiceKey>>,
}

impl Holders {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let mut pairs: Vec<(IpAddr, &ServiceKey)> = cluster
            .services
            .values()
            .flat_map(|service| {
                service
                    .addresses
                    .iter()
                    .map(|address| (*address, &service.key))
            })
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let holders = pairs.chunk_by(|(a, _), (b, _)| a == b).filter_map(|group| {
            let (address, _) = group.first()?;
            Some((
                *address,
                group
                    .iter()
                    .map(|(_, service)| (*service).clone())
                    .collect(),
            ))
        });
        Self {
            by_address: holders.collect(),
        }
    }

    pub(crate) fn insert(&mut self, address: IpAddr, service: &ServiceKey) {
        let holders = self.by_address.entry(address).or_default();
        if let Err(place) = holders.binary_search(service) {
            holders.insert(place, service.clone());
        }
    }

    pub(crate) fn remove(&mut self, address: IpAddr, service: &ServiceKey) {
        if let Some(holders) = self.by_address.get_mut(&address) {
            holders.retain(|holder| holder != service);
            if holders.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }

    /// The Services that hold the address, sorted by key.
    pub(crate) fn get(&self, address: IpAddr) -> &[ServiceKey] {
        self.by_address.get(&address).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.by_address.keys().copied()
    }
}

/// To whom an address belongs that several Services hold: the earlier Assigned transition, then the older object, then
/// the UID. Services of other classes and those whose status is not ours do not take part.
pub(crate) fn keeper<'a>(
    settings: &Settings,
    services: impl Iterator<Item = &'a Service>,
) -> Option<&'a ServiceKey> {
    services
        .filter(|service| service.status_owner == StatusOwner::Ours)
        .filter(|service| settings.serves(service.class.as_deref()))
        .min_by_key(|service| {
            let meta = &service.meta;
            (
                assigned_since(service),
                meta.created,
                meta.uid.clone(),
                service.key.clone(),
            )
        })
        .map(|service| &service.key)
}

/// When condition Assigned became True; after everything else for a Service without it.
fn assigned_since(service: &Service) -> Timestamp {
    service
        .meta
        .conditions
        .iter()
        .find(|condition| {
            condition.kind == condition_type::ASSIGNED && condition.status == ConditionStatus::True
        })
        .and_then(|condition| condition.since)
        .unwrap_or(Timestamp(i64::MAX))
}
