use alloc::vec::Vec;

use super::{
    ErrorCode, HeaderSubcode, Notification, OpenSubcode, RouteRefreshSubcode, UpdateSubcode,
};
use crate::params::{Asn, InvalidHoldTime};

/// Why a message ends the session. All of it is the peer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The marker is not all ones (RFC 4271 section 6.1).
    #[error("the header's marker is not all ones")]
    ConnectionNotSynchronized,
    /// Too short or too long for its type, or for this session (RFC 4271 section 6.1).
    #[error("a message length of {0} is not legal here")]
    BadMessageLength(u16),
    /// No such message (RFC 4271 section 6.1).
    #[error("message type {0} is unknown")]
    BadMessageType(u8),
    /// The OPEN's parameters do not fit their lengths (RFC 4271 section 6.2).
    #[error("the OPEN is malformed")]
    MalformedOpen,
    /// Not BGP-4 (RFC 4271 section 6.2).
    #[error("BGP version {0} is not supported")]
    UnsupportedVersion(u8),
    /// AS 0, or not the AS that was configured (RFC 4271 section 6.2, RFC 7607).
    #[error("the peer's AS {0} is not acceptable")]
    BadPeerAs(Asn),
    /// Zero, or ours (RFC 6286).
    #[error("the BGP identifier {0:#010x} is not acceptable")]
    BadIdentifier(u32),
    /// Not a capability (RFC 4271 section 6.2).
    #[error("optional parameter {0} is not supported")]
    UnsupportedOptionalParameter(u8),
    /// 1 or 2 seconds (RFC 4271 section 6.2).
    #[error(transparent)]
    UnacceptableHoldTime(#[from] InvalidHoldTime),
    /// The UPDATE's sections or attributes do not fit their lengths, or an MP attribute came twice (RFC 7606 sections 3, 4
    /// and 5).
    #[error("the attribute list of the UPDATE is malformed")]
    MalformedAttributeList,
    /// A prefix that is too long or does not end where it should (RFC 7606 section 5.3).
    #[error("a prefix of the UPDATE is malformed")]
    InvalidNetworkField,
    /// An attribute that claims to be well-known and is not (RFC 4271 section 6.3). The attribute, header included.
    #[error("the UPDATE has a well-known attribute that is unknown")]
    UnrecognizedWellKnown(Vec<u8>),
    /// MP_REACH_NLRI or MP_UNREACH_NLRI cannot be read (RFC 7606 sections 7.11 and 7.12). The attribute, header included,
    /// as far as it fits a NOTIFICATION.
    #[error("a multiprotocol attribute is malformed")]
    OptionalAttribute(Vec<u8>),
    /// The length of a ROUTE-REFRESH is wrong (RFC 7313 section 5). The whole message, as far as it fits a NOTIFICATION.
    #[error("the length of the ROUTE-REFRESH is not legal")]
    InvalidRouteRefreshLength(Vec<u8>),
}

impl DecodeError {
    /// The NOTIFICATION that ends the session.
    #[must_use]
    pub fn to_notification(&self) -> Notification {
        let (error, data) = match self {
            Self::ConnectionNotSynchronized => (
                ErrorCode::MessageHeader(HeaderSubcode::ConnectionNotSynchronized),
                Vec::new(),
            ),
            Self::BadMessageLength(length) => (
                ErrorCode::MessageHeader(HeaderSubcode::BadMessageLength),
                length.to_be_bytes().to_vec(),
            ),
            Self::BadMessageType(code) => (
                ErrorCode::MessageHeader(HeaderSubcode::BadMessageType),
                [*code].to_vec(),
            ),
            Self::MalformedOpen => (ErrorCode::Open(OpenSubcode::Unspecific), Vec::new()),
            // The data is the version we speak (RFC 4271 section 6.2).
            Self::UnsupportedVersion(_) => (
                ErrorCode::Open(OpenSubcode::UnsupportedVersionNumber),
                4u16.to_be_bytes().to_vec(),
            ),
            Self::BadPeerAs(_) => (ErrorCode::Open(OpenSubcode::BadPeerAs), Vec::new()),
            Self::BadIdentifier(_) => (ErrorCode::Open(OpenSubcode::BadBgpIdentifier), Vec::new()),
            Self::UnsupportedOptionalParameter(_) => (
                ErrorCode::Open(OpenSubcode::UnsupportedOptionalParameter),
                Vec::new(),
            ),
            Self::UnacceptableHoldTime(_) => (
                ErrorCode::Open(OpenSubcode::UnacceptableHoldTime),
                Vec::new(),
            ),
            Self::MalformedAttributeList => (
                ErrorCode::Update(UpdateSubcode::MalformedAttributeList),
                Vec::new(),
            ),
            Self::InvalidNetworkField => (
                ErrorCode::Update(UpdateSubcode::InvalidNetworkField),
                Vec::new(),
            ),
            Self::UnrecognizedWellKnown(attribute) => (
                ErrorCode::Update(UpdateSubcode::UnrecognizedWellKnownAttribute),
                attribute.clone(),
            ),
            Self::OptionalAttribute(attribute) => (
                ErrorCode::Update(UpdateSubcode::OptionalAttributeError),
                attribute.clone(),
            ),
            Self::InvalidRouteRefreshLength(message) => (
                ErrorCode::RouteRefresh(RouteRefreshSubcode::InvalidMessageLength),
                message.clone(),
            ),
        };
        Notification::new(error, data)
    }
}

/// Why a message cannot be written. All of it is the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The message would be longer than the session allows.
    #[error("the message does not fit the session's limit of {limit} octets")]
    TooLong {
        /// Octets that a message may have.
        limit: u16,
    },
    /// IPv6 prefixes cannot have an IPv4 next hop, IPv4 prefixes an IPv6 one only by agreement (RFC 8950).
    #[error("the next hop does not fit the address family")]
    NextHopFamily,
    /// A field does not fit its length octets.
    #[error("a field is too long for its length octets")]
    FieldTooLong,
}
