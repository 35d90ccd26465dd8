use super::AttributeCode;
use super::attr::FaultReason;

/// What a defect leads to (RFC 7606 section 2), from mild to severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The attribute is passed over.
    AttributeDiscard,
    /// The announced prefixes count as withdrawn.
    TreatAsWithdraw,
    /// The session ends.
    SessionReset,
}

impl Action {
    /// The table of RFC 7606 sections 3, 4, 5 and 7, with those that extend it.
    #[must_use]
    pub const fn for_fault(code: AttributeCode, reason: FaultReason) -> Self {
        match reason {
            FaultReason::FromExternal
            | FaultReason::Needless
            | FaultReason::FamilyNotNegotiated(_) => Self::AttributeDiscard,
            FaultReason::Flags
            | FaultReason::Overrun
            | FaultReason::Missing
            | FaultReason::AsSet
            | FaultReason::Confederation => Self::TreatAsWithdraw,
            FaultReason::Unrecognized | FaultReason::NextHopLength | FaultReason::Nlri => {
                Self::SessionReset
            }
            FaultReason::Duplicate => match code {
                AttributeCode::MP_REACH_NLRI | AttributeCode::MP_UNREACH_NLRI => Self::SessionReset,
                _ => Self::AttributeDiscard,
            },
            // The prefixes behind a next hop that is no host's can be read, so they can be withdrawn.
            FaultReason::Value => Self::for_content(code, Self::TreatAsWithdraw),
            FaultReason::Length | FaultReason::Segment | FaultReason::AsZero => {
                Self::for_content(code, Self::SessionReset)
            }
        }
    }

    /// Section 7, attribute by attribute; AS4_PATH and AS4_AGGREGATOR: RFC 6793 section 6.
    const fn for_content(code: AttributeCode, multiprotocol: Self) -> Self {
        match code {
            AttributeCode::ATOMIC_AGGREGATE
            | AttributeCode::AGGREGATOR
            | AttributeCode::AS4_PATH
            | AttributeCode::AS4_AGGREGATOR => Self::AttributeDiscard,
            AttributeCode::MP_REACH_NLRI | AttributeCode::MP_UNREACH_NLRI => multiprotocol,
            _ => Self::TreatAsWithdraw,
        }
    }
}
