use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::AttributeFlags;
use crate::wire::AttributeCode;

/// An optional attribute that we do not know, kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnknownAttribute {
    /// The type code.
    pub code: AttributeCode,
    /// Optional, and transitive or not; the extended-length bit is that of the length, not of the sender.
    pub flags: AttributeFlags,
    /// The value.
    pub value: Vec<u8>,
}
