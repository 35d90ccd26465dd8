use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use model::ServiceKey;

/// Who holds which address. A set of holders, because a status may show anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    holders: BTreeMap<IpAddr, BTreeSet<ServiceKey>>,
    held: BTreeMap<ServiceKey, Vec<IpAddr>>,
}

/// What a change of the book did to addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turnover {
    /// These have their first holder.
    pub(crate) taken: Vec<IpAddr>,
    /// These have one more holder than they may have.
    pub(crate) joined: Vec<IpAddr>,
    /// These have lost their last one.
    pub(crate) freed: Vec<IpAddr>,
}

impl Book {
    /// Makes `addresses` what `key` holds.
    pub(crate) fn hold(&mut self, key: &ServiceKey, addresses: Vec<IpAddr>) -> Turnover {
        let mut turnover = Turnover::default();
        if self.held(key) == addresses {
            return turnover;
        }
        let former = match addresses.is_empty() {
            true => self.held.remove(key),
            false => self.held.insert(key.clone(), addresses.clone()),
        }
        .unwrap_or_default();
        for address in addresses.iter().filter(|address| !former.contains(address)) {
            let holders = self.holders.entry(*address).or_default();
            match holders.is_empty() {
                true => turnover.taken.push(*address),
                false => turnover.joined.push(*address),
            }
            holders.insert(key.clone());
        }
        for address in former.iter().filter(|address| !addresses.contains(address)) {
            let Some(holders) = self.holders.get_mut(address) else {
                continue;
            };
            holders.remove(key);
            if holders.is_empty() {
                self.holders.remove(address);
                turnover.freed.push(*address);
            }
        }
        turnover
    }

    /// What `key` holds.
    pub(crate) fn held(&self, key: &ServiceKey) -> &[IpAddr] {
        self.held.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Everybody but `key` that holds `address`, in order.
    pub(crate) fn others<'a>(
        &'a self,
        address: IpAddr,
        key: &'a ServiceKey,
    ) -> impl Iterator<Item = &'a ServiceKey> {
        self.holders
            .get(&address)
            .into_iter()
            .flatten()
            .filter(move |holder| *holder != key)
    }

    /// Every address with a holder.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.holders.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn an_address_is_free_when_its_last_holder_leaves_it() {
        let (a, b) = (ServiceKey::new("n", "a"), ServiceKey::new("n", "b"));
        let (one, two) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let mut book = Book::default();
        assert_eq!(book.hold(&a, vec![one]).taken, [one]);
        let turnover = book.hold(&b, vec![one, two]);
        assert_eq!((turnover.taken, turnover.joined), (vec![two], vec![one]));
        assert_eq!(book.others(one, &a).collect::<Vec<_>>(), [&b]);
        assert_eq!(book.hold(&a, vec![]), Turnover::default());
        assert_eq!(book.hold(&b, vec![two]).freed, [one]);
        assert_eq!(book.hold(&b, vec![]).freed, [two]);
        assert_eq!(book, Book::default());
    }
}
