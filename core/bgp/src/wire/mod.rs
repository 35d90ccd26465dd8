//! Messages as bytes: decode, RFC 7606 treatment, encode.

mod action;
pub mod attr;
mod attribute_block;
pub mod capability;
mod codec;
mod collect;
mod dialect;
mod error;
mod error_code;
#[cfg(test)]
pub(crate) mod generator;
mod iana;
mod message;
mod nlri;
mod notification;
mod open;
mod reader;
mod route_refresh;
#[cfg(test)]
mod tests;
mod treatment;
mod update;
mod writer;

pub use action::Action;
pub use attribute_block::AttributeBlock;
pub use codec::Decoder;
pub use dialect::{AsnWidth, Dialect, PeerType};
pub use error::{DecodeError, EncodeError};
pub use error_code::{
    CeaseSubcode, ErrorCode, FsmSubcode, HeaderSubcode, OpenSubcode, RouteRefreshSubcode,
    UpdateSubcode,
};
pub use iana::{AttributeCode, CapabilityCode, MessageType};
pub use message::Message;
pub use notification::Notification;
pub use open::Open;
pub use route_refresh::{RouteRefresh, RouteRefreshKind};
pub use treatment::{Finding, Reach, Update};
pub use update::RawUpdate;
pub use writer::{UpdateWriter, encode_end_of_rib};
