use model::LoopPrevention;

/// What becomes of a packet that is forwarded to an address which this node announces and which kube-proxy has not
/// translated: a port that is no Service port, a ping. Sent on, it would come back from the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Answered with an ICMP error.
    Reject,
    /// Dropped in silence.
    Drop,
}

impl Guard {
    pub(crate) fn of(wish: LoopPrevention) -> Option<Self> {
        match wish {
            LoopPrevention::Reject => Some(Self::Reject),
            LoopPrevention::Drop => Some(Self::Drop),
            LoopPrevention::Disabled => None,
        }
    }
}
