use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

/// Shortest time between two changes of one address's value.
const SPACING: Duration = Duration::from_secs(3);

/// Lets the number of endpoints behind an address change slowly, so that a rolling update causes no storm of UPDATEs.
///
/// The first value is told at once, also after none was told; later ones at most every three seconds, the newest each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Damper {
    told: BTreeMap<IpAddr, Told>,
    /// Addresses whose newest value is not the one told, by when it may be.
    due: BTreeSet<(Duration, IpAddr)>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    value: u32,
    /// When another may be told.
    next: Duration,
}

impl Damper {
    /// What is to be told now of an address whose newest value is this; `None`: it has none.
    pub(crate) fn handle_value(
        &mut self,
        now: Duration,
        address: IpAddr,
        newest: Option<u32>,
    ) -> Option<u32> {
        let told = self.told.get(&address).copied();
        if let Some(told) = told {
            self.due.remove(&(told.next, address));
        }
        let Some(newest) = newest else {
            self.told.remove(&address);
            return None;
        };
        match told {
            Some(told) if told.value == newest => {}
            Some(told) if now < told.next => {
                self.due.insert((told.next, address));
                return Some(told.value);
            }
            Some(_) | None => {
                let next = now + SPACING;
                let told = Told {
                    value: newest,
                    next,
                };
                self.told.insert(address, told);
            }
        }
        Some(newest)
    }

    /// Forgets the addresses that nobody holds.
    pub(crate) fn retain(&mut self, held: impl Fn(IpAddr) -> bool) {
        self.told.retain(|address, _| held(*address));
        self.due.retain(|(_, address)| held(*address));
    }

    /// The addresses whose newest value may be told.
    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Vec<IpAddr> {
        let mut due = Vec::new();
        while let Some((at, address)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            due.push(address);
        }
        due
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn tells_the_newest_of_many_values_every_three_seconds() {
        let mut damper = Damper::default();
        let mut told = |now, value| damper.handle_value(at(now), ADDRESS, Some(value));
        assert_eq!([told(0, 3), told(1, 4), told(2, 5)], [Some(3); 3]);
        assert_eq!(damper.poll_timeout(), Some(at(3)));
        assert!(damper.handle_timeout(at(2)).is_empty());
        assert_eq!(damper.handle_timeout(at(3)), [ADDRESS]);
        assert_eq!(damper.poll_timeout(), None);
        let mut told = |now, value| damper.handle_value(at(now), ADDRESS, Some(value));
        assert_eq!(
            [told(3, 5), told(5, 6), told(6, 6)],
            [Some(5), Some(5), Some(6)]
        );
    }

    #[test]
    fn a_value_that_is_back_where_it_was_is_no_change() {
        let mut damper = Damper::default();
        for (now, value) in [(0, 3), (1, 4), (2, 3)] {
            let told = damper.handle_value(at(now), ADDRESS, Some(value));
            assert_eq!(told, Some(3));
        }
        assert_eq!(damper.poll_timeout(), None);
    }

    #[test]
    fn coming_and_going_wait_for_nothing() {
        let mut damper = Damper::default();
        for newest in [Some(3), None, Some(1), None] {
            assert_eq!(damper.handle_value(at(1), ADDRESS, newest), newest);
        }
        damper.handle_value(at(2), ADDRESS, Some(1));
        damper.handle_value(at(2), ADDRESS, Some(2));
        damper.retain(|_| false);
        assert!(damper.poll_timeout().is_none() && damper.told.is_empty());
    }
}
