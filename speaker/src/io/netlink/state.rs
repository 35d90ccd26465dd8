use std::collections::{BTreeMap, BTreeSet};

use bgp::{Family, Prefix};
use plan::{DIRECT_METRIC, IMPORTED_METRIC, Routes};

/// What the kernel holds of our routes, and what it does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutesState {
    /// Routes to nodes of the same subnet.
    pub direct: FamilyCounts,
    /// Routes that peers advertise.
    pub imported: FamilyCounts,
    /// Wanted, but somebody else has a route for the very prefix (`ForeignRoute`).
    pub foreign: BTreeSet<Prefix>,
    /// Wanted, but the kernel refused, and its words.
    pub refused: BTreeMap<Prefix, String>,
    /// Why nothing can be observed or changed at all.
    pub error: Option<String>,
    /// All that is wanted is there: nothing foreign, refused or failed. Also true where nothing is wanted.
    pub in_sync: bool,
    /// How many routes of ours were found missing or changed by others, and put back.
    pub repairs: u64,
    /// Routes that carry our protocol number, of this run or an earlier one.
    pub held: usize,
    /// Those of them that the plan does not speak of: of a PodNetwork that there is no more.
    pub spared: usize,
}

/// Routes by family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FamilyCounts {
    /// To IPv4 prefixes.
    pub ipv4: usize,
    /// To IPv6 prefixes.
    pub ipv6: usize,
}

impl RoutesState {
    /// Counts what the table holds.
    pub(super) fn count(&mut self, routes: &Routes) {
        (self.direct, self.imported) = Default::default();
        self.held = routes.len();
        for key in routes.keys() {
            let counts = match key.metric {
                DIRECT_METRIC => &mut self.direct,
                IMPORTED_METRIC => &mut self.imported,
                _ => continue,
            };
            match key.prefix.family() == Family::IPV4_UNICAST {
                true => counts.ipv4 += 1,
                false => counts.ipv6 += 1,
            }
        }
    }
}
