use core::fmt;

/// Why a route that a peer advertised is not accepted. The names are what users see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RejectReason {
    /// The import filter does not let the prefix pass (RFC 8212 when there is none).
    NotInFilter = 0,
    /// Our own AS stands in AS_PATH more often than allowed (RFC 4271 section 9.1.2).
    OwnAsn = 1,
    /// We are the originator, or the route passed our cluster (RFC 4456 section 8).
    Originator = 2,
    /// No next hop that is an address of more than one link.
    NoNextHop = 3,
    /// The next hop is our own address (RFC 4271 section 5.1.3).
    OwnNextHop = 4,
    /// As many prefixes of the family are accepted as may be.
    MaxPrefixes = 5,
}

impl RejectReason {
    /// Every reason, in the order in which they are looked at: a route is counted under the first.
    pub const ALL: [Self; 6] = [
        Self::NotInFilter,
        Self::OwnAsn,
        Self::Originator,
        Self::NoNextHop,
        Self::OwnNextHop,
        Self::MaxPrefixes,
    ];
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How many routes were not accepted, by reason; a route that comes again counts again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected([u64; RejectReason::ALL.len()]);

impl Rejected {
    /// The number for one reason.
    #[must_use]
    pub fn count(&self, reason: RejectReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or_default()
    }

    /// All reasons with their numbers, also those that are 0.
    pub fn iter(&self) -> impl Iterator<Item = (RejectReason, u64)> {
        RejectReason::ALL.into_iter().zip(self.0)
    }

    pub(crate) fn add(&mut self, reason: RejectReason) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn counts_each_reason_by_itself_and_names_it() {
        let mut rejected = Rejected::default();
        for (times, reason) in RejectReason::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| rejected.add(reason));
        }
        for (times, (reason, count)) in rejected.iter().enumerate() {
            assert_eq!((count, rejected.count(reason)), (times as u64, count));
        }
        assert_eq!(RejectReason::NotInFilter.to_string(), "NotInFilter");
    }
}
