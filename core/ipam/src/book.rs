use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use crate::roster::Slot;

/// Who holds which address. Several holders, because a status may show anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    holders: BTreeMap<IpAddr, Vec<Slot>>,
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
    /// `slot` held `former` and holds `addresses` now.
    pub(crate) fn hold(&mut self, slot: Slot, former: &[IpAddr], addresses: &[IpAddr]) -> Turnover {
        let mut turnover = Turnover::default();
        for address in addresses.iter().filter(|address| !former.contains(address)) {
            let holders = self.holders.entry(*address).or_default();
            match holders.is_empty() {
                true => turnover.taken.push(*address),
                false => turnover.joined.push(*address),
            }
            holders.push(slot);
        }
        for address in former.iter().filter(|address| !addresses.contains(address)) {
            let Some(holders) = self.holders.get_mut(address) else {
                continue;
            };
            holders.retain(|holder| *holder != slot);
            if holders.is_empty() {
                self.holders.remove(address);
                turnover.freed.push(*address);
            }
        }
        turnover
    }

    /// Everybody but `slot` that holds `address`.
    pub(crate) fn others(&self, address: IpAddr, slot: Slot) -> impl Iterator<Item = Slot> {
        let holders = self.holders.get(&address).into_iter().flatten().copied();
        holders.filter(move |holder| *holder != slot)
    }

    /// Every address with a holder.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.holders.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use model::ServiceKey;

    use super::*;
    use crate::roster::Roster;

    #[test]
    fn an_address_is_free_when_its_last_holder_leaves_it() {
        let mut roster = Roster::default();
        let [a, b] = ["a", "b"].map(|name| roster.enter(&ServiceKey::new("n", name)));
        let (one, two) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let mut book = Book::default();
        assert_eq!(book.hold(a, &[], &[one]).taken, [one]);
        let turnover = book.hold(b, &[], &[one, two]);
        assert_eq!(
            (turnover.taken, turnover.joined),
            ([two].into(), [one].into())
        );
        assert_eq!(book.others(one, a).collect::<Vec<_>>(), [b]);
        assert_eq!(book.hold(a, &[one], &[]), Turnover::default());
        assert_eq!(book.hold(b, &[one, two], &[two]).freed, [one]);
        assert_eq!(book.hold(b, &[two], &[]).freed, [two]);
        assert_eq!(book, Book::default());
    }
}
