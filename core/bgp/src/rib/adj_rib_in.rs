use crate::notice::Counters;
use crate::wire::{Action, Update};

/// What a peer advertises to us, of which nothing is accepted: that takes configuration (RFC 8212). So it is counted and
/// not stored.
#[derive(Debug, Default)]
pub(crate) struct AdjRibIn;

impl AdjRibIn {
    /// Counts the UPDATE and what was wrong with it (RFC 7606).
    pub(crate) fn handle_update(&mut self, update: &Update, counters: &mut Counters) {
        counters.updates_received += 1;
        let of = |action| {
            update
                .findings
                .iter()
                .filter(move |finding| finding.action == action)
        };
        counters.treated_as_withdraw += u64::from(of(Action::TreatAsWithdraw).next().is_some());
        counters.attributes_discarded += of(Action::AttributeDiscard).fold(0, |count, _| count + 1);
    }

    /// Prefixes that were accepted.
    pub(crate) const fn accepted(&self) -> u64 {
        0
    }
}
