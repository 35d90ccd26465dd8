use core::time::Duration;

use crate::graceful_restart::{LONGEST_STALE, RestartAgreement};
use crate::rib::AdjRibIn;

/// What a peer advertised before its session was lost: it holds until the peer is back, or its time is over (RFC 4724
/// section 4.2).
#[derive(Debug)]
pub(crate) struct Kept {
    /// All of it is stale.
    pub(crate) adj_rib_in: AdjRibIn,
    /// Until when the peer has to be back.
    pub(crate) until: Duration,
    /// Until when it has to have confirmed its routes.
    pub(crate) confirmed_until: Duration,
    /// The way to the peer may be broken: any other path is better.
    pub(crate) is_doubtful: bool,
}

impl Kept {
    pub(crate) fn new(now: Duration, adj_rib_in: AdjRibIn, agreed: &RestartAgreement) -> Self {
        Self {
            adj_rib_in,
            until: now + agreed.restart_time.min(LONGEST_STALE),
            confirmed_until: now + LONGEST_STALE,
            is_doubtful: false,
        }
    }
}
