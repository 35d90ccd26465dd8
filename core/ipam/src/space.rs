use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use model::{AddressFamily, AddressRange, Cluster, Name, Service};
use rangemap::RangeInclusiveMap;

use crate::{
    book::Book,
    pool::PoolSpace,
    reserved::Reserved,
    set::{AddressSet, as_range, number, numbers},
};

/// All accepted pools, who owns which address among them, and what is reserved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// The oldest first: of two that have an address it is the owner.
    pools: Vec<PoolSpace>,
    /// Indexes of `pools` in the order in which pools are tried.
    order: Vec<usize>,
    names: BTreeMap<Name, usize>,
    owners: Owners,
    reserved: Reserved,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Owners {
    ipv4: RangeInclusiveMap<u128, usize>,
    ipv6: RangeInclusiveMap<u128, usize>,
}

impl Space {
    /// The space of the cluster's pools, with what the book holds taken.
    pub(crate) fn of(cluster: &Cluster, book: &Book) -> Self {
        let reserved = Reserved::of(cluster);
        let mut accepted: Vec<_> = cluster
            .pools
            .values()
            .filter_map(|object| Some((&object.meta, object.value.as_ref().ok()?)))
            .collect();
        accepted.sort_by_key(|(meta, _)| (meta.created, meta.name.clone()));
        let mut space = Self {
            reserved,
            ..Self::default()
        };
        for (meta, pool) in accepted {
            let (mut free, lost) = space.claim(&pool.ranges);
            for set in space.reserved.sets() {
                free.subtract(set);
            }
            space.names.insert(meta.name.clone(), space.pools.len());
            space
                .pools
                .push(PoolSpace::new(meta.name.clone(), pool.clone(), lost, free));
        }
        space.order = (0..space.pools.len()).collect();
        let Self { order, pools, .. } = &mut space;
        order.sort_by_key(|&index| pools.get(index).map(PoolSpace::rank));
        for address in book.addresses() {
            space.take(address);
        }
        space
    }

    /// What is reserved.
    pub(crate) fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// Pools in the order in which they are tried.
    pub(crate) fn ordered(&self) -> impl Iterator<Item = &PoolSpace> {
        self.order.iter().filter_map(|&index| self.pools.get(index))
    }

    /// The pool of this name, if it is accepted.
    pub(crate) fn pool(&self, name: &str) -> Option<&PoolSpace> {
        self.pools.get(*self.names.get(name)?)
    }

    /// The pool that gives the address out.
    pub(crate) fn owner(&self, address: IpAddr) -> Option<&PoolSpace> {
        self.pools.get(self.owner_index(address)?)
    }

    /// Every pool with a range that has the address, its owner first.
    pub(crate) fn containing(&self, address: IpAddr) -> impl Iterator<Item = &PoolSpace> {
        // Whatever has it is as young as its owner or younger.
        let from = self.owner_index(address).unwrap_or(self.pools.len());
        self.pools
            .iter()
            .skip(from)
            .filter(move |pool| pool.contains(address))
    }

    /// The address has a holder now; true when that was the last free one of its pool and family.
    pub(crate) fn take(&mut self, address: IpAddr) -> bool {
        self.owner_mut(address)
            .is_some_and(|pool| pool.take(address))
    }

    /// The address has lost its last holder.
    pub(crate) fn give_back(&mut self, address: IpAddr) {
        let reserved = self.reserved.owner(address).is_some();
        if let Some(pool) = self.owner_mut(address) {
            pool.give_back(address, reserved);
        }
    }

    /// Notes the Service's clusterIPs; gives those that are reserved only now.
    pub(crate) fn see(&mut self, service: &Service) -> Vec<IpAddr> {
        let addresses = service.cluster_ips.iter().copied();
        let news: Vec<_> = addresses
            .filter(|&ip| self.reserved.see_cluster_ip(ip))
            .collect();
        for &address in &news {
            if let Some(pool) = self.owner_mut(address) {
                pool.withhold(address);
            }
        }
        news
    }

    /// Gives the next younger pool what is left of its ranges, and says what others had before.
    fn claim(&mut self, ranges: &[AddressRange]) -> (AddressSet, Vec<(AddressRange, Name)>) {
        let index = self.pools.len();
        let (mut own, mut lost) = (AddressSet::default(), Vec::new());
        for range in ranges {
            let (family, wanted) = (range.family(), numbers(range));
            let owners = self.owners.of_mut(family);
            for (theirs, owner) in owners.overlapping(&wanted) {
                let (first, last) = (
                    (*theirs.start()).max(*wanted.start()),
                    (*theirs.end()).min(*wanted.end()),
                );
                if let (Some(common), Some(owner)) =
                    (as_range(family, &(first..=last)), self.pools.get(*owner))
                {
                    lost.push((common, owner.name.clone()));
                }
            }
            let gaps: Vec<_> = owners.gaps(&wanted).collect();
            for gap in gaps {
                if let Some(range) = as_range(family, &gap) {
                    own.insert(&range);
                }
                owners.insert(gap, index);
            }
        }
        (own, lost)
    }

    fn owner_index(&self, address: IpAddr) -> Option<usize> {
        self.owners
            .of(AddressFamily::of(address))
            .get(&number(address))
            .copied()
    }

    fn owner_mut(&mut self, address: IpAddr) -> Option<&mut PoolSpace> {
        let index = self.owner_index(address)?;
        self.pools.get_mut(index)
    }
}

impl Owners {
    fn of(&self, family: AddressFamily) -> &RangeInclusiveMap<u128, usize> {
        match family {
            AddressFamily::IPv4 => &self.ipv4,
            AddressFamily::IPv6 => &self.ipv6,
        }
    }

    fn of_mut(&mut self, family: AddressFamily) -> &mut RangeInclusiveMap<u128, usize> {
        match family {
            AddressFamily::IPv4 => &mut self.ipv4,
            AddressFamily::IPv6 => &mut self.ipv6,
        }
    }
}
