use alloc::vec::Vec;
use core::fmt;

use crate::params::Family;
use crate::wire::AttributeCode;

/// What is wrong with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum FaultReason {
    /// The Optional or Transitive bit is wrong (RFC 7606 section 3 c).
    #[error("wrong flags")]
    Flags,
    /// The length does not fit the attribute (RFC 7606 section 7).
    #[error("wrong length")]
    Length,
    /// A value that is not defined, or an address that is no host's.
    #[error("illegal value")]
    Value,
    /// A path segment that is empty, cut or of no known kind (RFC 7606 section 7.2).
    #[error("malformed path segment")]
    Segment,
    /// AS 0 (RFC 7607).
    #[error("contains AS 0")]
    AsZero,
    /// An AS_SET or AS_CONFED_SET (RFC 9774).
    #[error("contains an AS set")]
    AsSet,
    /// A confederation segment from outside (RFC 5065 section 5).
    #[error("contains a confederation segment")]
    Confederation,
    /// Not the first of its kind (RFC 7606 section 3 g).
    #[error("came twice")]
    Duplicate,
    /// Longer than what is left of the attributes, or its header is cut (RFC 7606 section 4).
    #[error("runs over the end of the attributes")]
    Overrun,
    /// Mandatory and not there (RFC 7606 section 3 d).
    #[error("missing")]
    Missing,
    /// Only internal peers may send it (RFC 7606 sections 7.5, 7.9, 7.10).
    #[error("not allowed from an external peer")]
    FromExternal,
    /// AS4_PATH or AS4_AGGREGATOR where numbers have four octets anyway (RFC 6793 section 4.1).
    #[error("not needed in this session")]
    Needless,
    /// A next hop whose length does not fit the family (RFC 7606 section 7.11).
    #[error("wrong next hop length")]
    NextHopLength,
    /// A prefix that is too long or cut (RFC 7606 section 5.3).
    #[error("malformed prefix")]
    Nlri,
    /// Routes of a family that was not agreed on (RFC 4760 section 7).
    #[error("routes of {0}, which was not negotiated")]
    FamilyNotNegotiated(Family),
    /// Said to be well-known, and it is not (RFC 4271 section 6.3).
    #[error("unrecognized well-known attribute")]
    Unrecognized,
}

/// One defect of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeFault {
    /// Which attribute; for a cut header without a code, 0.
    pub code: AttributeCode,
    /// What is wrong.
    pub reason: FaultReason,
    /// The attribute with its header, as it came; empty when there is none.
    pub octets: Vec<u8>,
}

impl fmt::Display for AttributeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attribute {}: {}", self.code, self.reason)
    }
}
