use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::IpAddr, time::Duration};

use model::{AddressRange, Name};

/// How long an address outlives its pool, so that delete and recreate changes nothing.
const GRACE: Duration = Duration::from_secs(30);

/// Pools that were there a moment ago, and other reasons to keep an address that is in no pool.
#[derive(Clone, Debug)]
pub(crate) struct Vanished {
    pub(crate) grace: Duration,
    pools: BTreeMap<Name, (Duration, Vec<AddressRange>)>,
    /// Pools may have vanished while nobody looked.
    blind_until: Option<Duration>,
    /// The API server does not serve pools: nobody knows which there are.
    pub(crate) unserved: bool,
    /// A rejected pool may have any address.
    pub(crate) rejected: bool,
}

impl Default for Vanished {
    fn default() -> Self {
        Self {
            grace: GRACE,
            pools: BTreeMap::new(),
            blind_until: None,
            unserved: false,
            rejected: false,
        }
    }
}

impl Vanished {
    /// The pool is gone.
    pub(crate) fn remember(&mut self, now: Duration, pool: Name, ranges: Vec<AddressRange>) {
        self.pools
            .insert(pool, (now.saturating_add(self.grace), ranges));
    }

    /// The pool is back.
    pub(crate) fn forget(&mut self, pool: &str) {
        self.pools.remove(pool);
    }

    /// Pools are looked at from now on.
    pub(crate) fn open_eyes(&mut self, now: Duration) {
        self.unserved = false;
        self.blind_until = Some(now.saturating_add(self.grace));
    }

    /// Whether a Service that has `address`, which is in no pool, keeps it.
    pub(crate) fn keeps(&self, address: IpAddr) -> bool {
        self.unserved
            || self.rejected
            || self.blind_until.is_some()
            || self
                .pools
                .values()
                .flat_map(|(_, ranges)| ranges)
                .any(|range| range.contains(address))
    }

    /// When the next grace ends.
    pub(crate) fn until(&self) -> Option<Duration> {
        self.pools
            .values()
            .map(|(until, _)| *until)
            .chain(self.blind_until)
            .min()
    }

    /// Ends what is over; true when something was.
    pub(crate) fn expire(&mut self, now: Duration) -> bool {
        let before = self.pools.len();
        self.pools.retain(|_, (until, _)| *until > now);
        let sees = self.blind_until.is_some_and(|until| until <= now);
        if sees {
            self.blind_until = None;
        }
        sees || self.pools.len() != before
    }
}
