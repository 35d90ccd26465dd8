use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

use model::{AddressFamily, AssignedReason, Cluster, FamilyPolicy, Request, Service};

use crate::{
    book::Book,
    outcome::{Left, Outcome, Refusal},
    pool::PoolSpace,
    roster::{Roster, Slot},
    space::Space,
    vanished::Vanished,
};

/// All that decides which addresses a Service has.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) space: &'a Space,
    pub(crate) book: &'a Book,
    pub(crate) roster: &'a Roster,
    pub(crate) vanished: &'a Vanished,
}

/// What `service` of `slot`, which has `claim`, is to have: what is legal stays, the rest is found anew. Also
/// gives what it has to leave.
pub(crate) fn allocate(
    world: World<'_>,
    slot: Slot,
    service: &Service,
    claim: &[IpAddr],
) -> (Outcome, Vec<Left>) {
    let (mut kept, mut left) = (Vec::new(), Vec::new());
    for &address in claim {
        match world.illegal(service, address) {
            None => kept.push(address),
            Some(refusal) => left.push(Left { address, refusal }),
        }
    }
    if service.cluster_ips.is_empty() || service.families.is_empty() {
        let refusal = Refusal::new(AssignedReason::NoClusterIP, "the Service has no clusterIP");
        return (
            Outcome {
                addresses: Vec::new(),
                refusal: Some(refusal),
            },
            left,
        );
    }
    let outcome = match meaningful(service) {
        Ok(request) => world.meet(slot, service, request, &kept),
        Err(refusal) => Outcome {
            addresses: kept,
            refusal: Some(refusal),
        },
    };
    (outcome, left)
}

/// The request, where the Service's own fields do not contradict it.
fn meaningful(service: &Service) -> Result<&Request, Refusal> {
    let invalid = AssignedReason::InvalidRequest;
    let request = service
        .request
        .as_ref()
        .map_err(|rejection| Refusal::new(invalid, format!("{rejection}")))?;
    let foreign = |address: &&IpAddr| !service.families.contains(&AddressFamily::of(**address));
    match request.addresses.iter().find(foreign) {
        None => Ok(request),
        Some(address) => Err(Refusal::new(
            AssignedReason::AddressFamilyMismatch,
            format!(
                "{address} is asked for, but the Service has no {}",
                AddressFamily::of(*address)
            ),
        )),
    }
}

impl<'a> World<'a> {
    /// Why the Service must leave an address that it has; `None`: it may stay.
    fn illegal(self, service: &Service, address: IpAddr) -> Option<Refusal> {
        let family = AddressFamily::of(address);
        if !service.families.contains(&family) {
            let message = format!("{address} is of a family that the Service has no more");
            return Some(Refusal::new(AssignedReason::AddressFamilyMismatch, message));
        }
        if let Some(owner) = self.space.reserved().owner(address) {
            return Some(Refusal::new(
                AssignedReason::AddressReserved,
                format!("{address} {owner}"),
            ));
        }
        let mut pools = self.space.containing(address).peekable();
        let Some(owner) = pools.peek().map(|pool| &pool.name) else {
            let message = format!("{address} is in no pool any more");
            let refusal = Refusal::new(AssignedReason::AddressNotInPool, message);
            return (!self.vanished.keeps(address)).then_some(refusal);
        };
        let message =
            format!("{address} is in pool \"{owner}\", which does not select this Service");
        let selected = pools.any(|pool| pool.selects(self.cluster, service));
        (!selected).then(|| Refusal::new(AssignedReason::NoMatchingPool, message))
    }

    /// The best that the request can get, for a Service that has `kept`.
    fn meet(self, slot: Slot, service: &Service, request: &Request, kept: &[IpAddr]) -> Outcome {
        let mut chosen: Vec<IpAddr> = Vec::new();
        let (mut missing, mut unmet, mut refusal) = (Vec::new(), None, None);
        for &family in &service.families {
            let of_family = |address: &&IpAddr| AddressFamily::of(**address) == family;
            let current = kept.iter().find(of_family).copied();
            match request.addresses.iter().find(of_family) {
                Some(&wanted) if current == Some(wanted) => chosen.push(wanted),
                Some(&wanted) => match self.claimable(slot, service, request, wanted) {
                    Ok(()) => chosen.push(wanted),
                    Err(why) => {
                        chosen.extend(current);
                        unmet = unmet.or(Some(why));
                    }
                },
                None => match current.filter(|&current| self.fits(request, current)) {
                    Some(current) => chosen.push(current),
                    None => missing.push(family),
                },
            }
        }
        for (family, pick) in self.pick(service, request, &missing, &chosen) {
            match pick {
                Ok(address) => chosen.push(address),
                Err(why) => {
                    chosen.extend(kept.iter().find(|kept| AddressFamily::of(**kept) == family));
                    refusal = refusal.or(Some(why));
                }
            }
        }
        // Half an answer to a first request is one only where the Service says so.
        let partial = unmet.is_none() && service.family_policy == FamilyPolicy::PreferDualStack;
        // What is free changes, so what has nothing free is named before what somebody has.
        let refusal = refusal.or(unmet);
        if refusal.is_some() && kept.is_empty() && !partial {
            chosen.clear();
        }
        let place = |address: &IpAddr| {
            service
                .families
                .iter()
                .position(|family| *family == AddressFamily::of(*address))
        };
        chosen.sort_by_key(place);
        Outcome {
            addresses: chosen,
            refusal,
        }
    }

    /// Whether an address that the Service has is in the pool that it names.
    fn fits(self, request: &Request, address: IpAddr) -> bool {
        let Some(name) = &request.pool else {
            return true;
        };
        self.space
            .pool(name)
            .is_some_and(|pool| pool.contains(address))
    }

    /// Whether the Service may have exactly this address.
    fn claimable(
        self,
        slot: Slot,
        service: &Service,
        request: &Request,
        address: IpAddr,
    ) -> Result<(), Refusal> {
        if let Some(owner) = self.space.reserved().owner(address) {
            return Err(Refusal::new(
                AssignedReason::AddressReserved,
                format!("{address} {owner}"),
            ));
        }
        let not_in_pool = |message| Err(Refusal::new(AssignedReason::AddressNotInPool, message));
        let Some(pool) = self.space.owner(address) else {
            return not_in_pool(format!("{address} is in no pool"));
        };
        if let Some(name) = request.pool.as_ref().filter(|name| **name != pool.name) {
            return not_in_pool(format!(
                "{address} is in pool \"{}\", not in \"{name}\"",
                pool.name
            ));
        }
        if !pool.selects(self.cluster, service) {
            return not_in_pool(format!(
                "{address} is in pool \"{}\", which does not select this Service",
                pool.name
            ));
        }
        if pool.avoids(address) {
            return not_in_pool(format!(
                "pool \"{}\" gives out no address that ends in .0 or .255, such as {address}",
                pool.name
            ));
        }
        let holders = self.book.others(address, slot);
        match holders.filter_map(|holder| self.roster.key(holder)).min() {
            None => Ok(()),
            Some(holder) => Err(Refusal::new(
                AssignedReason::AddressInUse,
                format!("{address} belongs to Service {holder}"),
            )),
        }
    }

    /// A free address for each of the `missing` families, all from one pool where one has them.
    fn pick(
        self,
        service: &Service,
        request: &Request,
        missing: &[AddressFamily],
        chosen: &[IpAddr],
    ) -> Vec<(AddressFamily, Result<IpAddr, Refusal>)> {
        if missing.is_empty() {
            return Vec::new();
        }
        let pools = match self.candidates(service, request) {
            Ok(pools) => pools,
            Err(refusal) => return missing.iter().map(|&f| (f, Err(refusal.clone()))).collect(),
        };
        let partner = chosen
            .first()
            .and_then(|&address| self.space.owner(address));
        let has_all = |pool: &&&PoolSpace| missing.iter().all(|&f| pool.first_free(f).is_some());
        let first = match partner {
            Some(partner) => pools.iter().find(|pool| pool.name == partner.name),
            None => pools.iter().find(has_all),
        };
        let find = |&family: &AddressFamily| {
            let free = first
                .into_iter()
                .chain(&pools)
                .find_map(|pool| pool.first_free(family));
            (
                family,
                free.ok_or_else(|| exhausted(&pools, request, family)),
            )
        };
        missing.iter().map(find).collect()
    }

    /// Pools that the Service may have any address of, in order.
    fn candidates(
        self,
        service: &Service,
        request: &Request,
    ) -> Result<Vec<&'a PoolSpace>, Refusal> {
        let none = |message: String| Err(Refusal::new(AssignedReason::NoMatchingPool, message));
        let Some(name) = &request.pool else {
            let usable =
                |pool: &&PoolSpace| pool.pool.auto_assign && pool.selects(self.cluster, service);
            let pools: Vec<_> = self.space.ordered().filter(usable).collect();
            return match (pools.is_empty(), self.cluster.pools.is_empty()) {
                (false, _) => Ok(pools),
                (true, true) => none("there is no IPAddressPool".into()),
                (true, false) => none("no pool with autoAssign selects this Service".into()),
            };
        };
        match (self.space.pool(name), self.cluster.pools.contains_key(name)) {
            (Some(pool), _) if pool.selects(self.cluster, service) => Ok([pool].into()),
            (Some(_), _) => none(format!("pool \"{name}\" does not select this Service")),
            (None, true) => none(format!(
                "pool \"{name}\" is not accepted, see its conditions"
            )),
            (None, false) => none(format!("there is no pool \"{name}\"")),
        }
    }
}

/// Names of pools in a sentence, before it says "and N more".
const NAMED: usize = 5;

/// Why none of `pools` has an address of `family`.
fn exhausted(pools: &[&PoolSpace], request: &Request, family: AddressFamily) -> Refusal {
    let full: Vec<_> = pools.iter().filter(|pool| pool.has(family)).collect();
    match (full.as_slice(), &request.pool) {
        ([], Some(name)) => Refusal::new(
            AssignedReason::NoMatchingPool,
            format!("pool \"{name}\" has no {family} addresses"),
        ),
        ([], None) => Refusal::new(
            AssignedReason::NoMatchingPool,
            format!("no pool that selects this Service has {family} addresses"),
        ),
        ([pool], _) => Refusal::new(
            AssignedReason::PoolExhausted,
            format!(
                "pool \"{}\" is full: it has no free {family} address",
                pool.name
            ),
        ),
        (full, _) => {
            let names: Vec<_> = full
                .iter()
                .take(NAMED)
                .map(|pool| format!("\"{}\"", pool.name))
                .collect();
            let more = match full.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Refusal::new(
                AssignedReason::PoolExhausted,
                format!(
                    "pools {}{more} are full: they have no free {family} address",
                    names.join(", ")
                ),
            )
        }
    }
}
