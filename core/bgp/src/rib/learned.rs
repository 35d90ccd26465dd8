use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::params::Prefix;

/// What was told of learned prefixes, and which may have changed since.
///
/// Many changes of one prefix are one: what is told is what is true at that moment.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    told: BTreeMap<Prefix, Vec<IpAddr>>,
    pending: BTreeSet<Prefix>,
}

impl Learned {
    /// The paths of this prefix may be others now.
    pub(crate) fn mark(&mut self, prefix: Prefix) {
        self.pending.insert(prefix);
    }

    /// The next prefix whose next hops are not those last told; none: no path is left.
    pub(crate) fn poll(
        &mut self,
        next_hops: impl Fn(&Prefix) -> Vec<IpAddr>,
    ) -> Option<(Prefix, Vec<IpAddr>)> {
        while let Some(prefix) = self.pending.pop_first() {
            let now = next_hops(&prefix);
            let before = self.told.get(&prefix).map_or(&[][..], Vec::as_slice);
            if before == now {
                continue;
            }
            match now.is_empty() {
                true => self.told.remove(&prefix),
                false => self.told.insert(prefix, now.clone()),
            };
            return Some((prefix, now));
        }
        None
    }

    #[cfg(test)]
    pub(crate) fn into_pending(self) -> impl Iterator<Item = Prefix> {
        self.pending.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_change_once_and_no_change_never() {
        let prefix: Prefix = "10.244.1.0/24".parse().unwrap();
        let hops = std::vec![IpAddr::from([192, 0, 2, 2])];
        let mut learned = Learned::default();
        learned.mark(prefix);
        learned.mark(prefix);
        assert_eq!(learned.poll(|_| hops.clone()), Some((prefix, hops.clone())));
        assert_eq!(learned.poll(|_| hops.clone()), None);
        learned.mark(prefix);
        assert_eq!(learned.poll(|_| hops.clone()), None);
        learned.mark(prefix);
        assert_eq!(learned.poll(|_| Vec::new()), Some((prefix, Vec::new())));
        learned.mark(prefix);
        assert_eq!(learned.poll(|_| Vec::new()), None);
    }
}
