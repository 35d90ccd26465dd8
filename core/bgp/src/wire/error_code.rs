//! Codes and subcodes of NOTIFICATION, with the names that IANA lists.

use core::fmt;

/// Declares a table of subcodes: number, name, text as IANA lists it.
macro_rules! subcodes {
    ($(#[$doc:meta])* $kind:ident { $($name:ident = $code:literal $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $kind {
            $(
                #[doc = $text]
                $name = $code,
            )*
        }

        impl $kind {
            /// Every subcode.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The subcode with this number, when there is one.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The name as IANA lists it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

subcodes!(
    /// What is wrong with a header (RFC 4271 section 6.1).
    HeaderSubcode {
        Unspecific = 0 "Unspecific";
        ConnectionNotSynchronized = 1 "Connection Not Synchronized";
        BadMessageLength = 2 "Bad Message Length";
        BadMessageType = 3 "Bad Message Type";
    }
);

subcodes!(
    /// What is wrong with an OPEN (RFC 4271 section 6.2, RFC 5492, RFC 9234).
    OpenSubcode {
        Unspecific = 0 "Unspecific";
        UnsupportedVersionNumber = 1 "Unsupported Version Number";
        BadPeerAs = 2 "Bad Peer AS";
        BadBgpIdentifier = 3 "Bad BGP Identifier";
        UnsupportedOptionalParameter = 4 "Unsupported Optional Parameter";
        UnacceptableHoldTime = 6 "Unacceptable Hold Time";
        UnsupportedCapability = 7 "Unsupported Capability";
        RoleMismatch = 11 "Role Mismatch";
    }
);

subcodes!(
    /// What is wrong with an UPDATE (RFC 4271 section 6.3).
    UpdateSubcode {
        Unspecific = 0 "Unspecific";
        MalformedAttributeList = 1 "Malformed Attribute List";
        UnrecognizedWellKnownAttribute = 2 "Unrecognized Well-known Attribute";
        MissingWellKnownAttribute = 3 "Missing Well-known Attribute";
        AttributeFlagsError = 4 "Attribute Flags Error";
        AttributeLengthError = 5 "Attribute Length Error";
        InvalidOriginAttribute = 6 "Invalid ORIGIN Attribute";
        InvalidNextHopAttribute = 8 "Invalid NEXT_HOP Attribute";
        OptionalAttributeError = 9 "Optional Attribute Error";
        InvalidNetworkField = 10 "Invalid Network Field";
        MalformedAsPath = 11 "Malformed AS_PATH";
    }
);

subcodes!(
    /// In which state an unexpected message came (RFC 6608).
    FsmSubcode {
        Unspecified = 0 "Unspecified Error";
        UnexpectedMessageInOpenSent = 1 "Receive Unexpected Message in OpenSent State";
        UnexpectedMessageInOpenConfirm = 2 "Receive Unexpected Message in OpenConfirm State";
        UnexpectedMessageInEstablished = 3 "Receive Unexpected Message in Established State";
    }
);

subcodes!(
    /// Why a session ends on purpose (RFC 4486, RFC 8538, RFC 9384).
    CeaseSubcode {
        Unspecific = 0 "Unspecific";
        MaximumPrefixes = 1 "Maximum Number of Prefixes Reached";
        AdministrativeShutdown = 2 "Administrative Shutdown";
        PeerDeconfigured = 3 "Peer De-configured";
        AdministrativeReset = 4 "Administrative Reset";
        ConnectionRejected = 5 "Connection Rejected";
        OtherConfigurationChange = 6 "Other Configuration Change";
        ConnectionCollision = 7 "Connection Collision Resolution";
        OutOfResources = 8 "Out of Resources";
        HardReset = 9 "Hard Reset";
        BfdDown = 10 "BFD Down";
    }
);

subcodes!(
    /// What is wrong with a ROUTE-REFRESH (RFC 7313 section 5).
    RouteRefreshSubcode {
        InvalidMessageLength = 1 "Invalid Message Length";
    }
);

/// Code and subcode of a NOTIFICATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// Code 1.
    MessageHeader(HeaderSubcode),
    /// Code 2.
    Open(OpenSubcode),
    /// Code 3.
    Update(UpdateSubcode),
    /// Code 4.
    HoldTimerExpired,
    /// Code 5.
    FiniteStateMachine(FsmSubcode),
    /// Code 6.
    Cease(CeaseSubcode),
    /// Code 7.
    RouteRefresh(RouteRefreshSubcode),
    /// Code 8 (RFC 9687).
    SendHoldTimerExpired,
    /// A pair that is not in the tables, kept as it came.
    Unknown {
        /// The code.
        code: u8,
        /// The subcode.
        subcode: u8,
    },
}

impl ErrorCode {
    /// The error with these numbers.
    #[must_use]
    pub fn from_codes(code: u8, subcode: u8) -> Self {
        let known = match code {
            1 => HeaderSubcode::from_code(subcode).map(Self::MessageHeader),
            2 => OpenSubcode::from_code(subcode).map(Self::Open),
            3 => UpdateSubcode::from_code(subcode).map(Self::Update),
            4 => (subcode == 0).then_some(Self::HoldTimerExpired),
            5 => FsmSubcode::from_code(subcode).map(Self::FiniteStateMachine),
            6 => CeaseSubcode::from_code(subcode).map(Self::Cease),
            7 => RouteRefreshSubcode::from_code(subcode).map(Self::RouteRefresh),
            8 => (subcode == 0).then_some(Self::SendHoldTimerExpired),
            _ => None,
        };
        known.unwrap_or(Self::Unknown { code, subcode })
    }

    /// Code and subcode as they stand on the wire.
    #[must_use]
    pub const fn codes(self) -> (u8, u8) {
        match self {
            Self::MessageHeader(subcode) => (1, subcode.code()),
            Self::Open(subcode) => (2, subcode.code()),
            Self::Update(subcode) => (3, subcode.code()),
            Self::HoldTimerExpired => (4, 0),
            Self::FiniteStateMachine(subcode) => (5, subcode.code()),
            Self::Cease(subcode) => (6, subcode.code()),
            Self::RouteRefresh(subcode) => (7, subcode.code()),
            Self::SendHoldTimerExpired => (8, 0),
            Self::Unknown { code, subcode } => (code, subcode),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MessageHeader(subcode) => write!(f, "Message Header Error/{}", subcode.name()),
            Self::Open(subcode) => write!(f, "OPEN Message Error/{}", subcode.name()),
            Self::Update(subcode) => write!(f, "UPDATE Message Error/{}", subcode.name()),
            Self::HoldTimerExpired => f.write_str("Hold Timer Expired"),
            Self::FiniteStateMachine(subcode) => {
                write!(f, "Finite State Machine Error/{}", subcode.name())
            }
            Self::Cease(subcode) => write!(f, "Cease/{}", subcode.name()),
            Self::RouteRefresh(subcode) => {
                write!(f, "ROUTE-REFRESH Message Error/{}", subcode.name())
            }
            Self::SendHoldTimerExpired => f.write_str("Send Hold Timer Expired"),
            Self::Unknown { code, subcode } => write!(f, "error {code}/{subcode}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn every_pair_of_numbers_survives() {
        for code in 0..=255 {
            for subcode in 0..=255 {
                assert_eq!(
                    ErrorCode::from_codes(code, subcode).codes(),
                    (code, subcode)
                );
            }
        }
    }

    #[test]
    fn names_the_common_ones() {
        let shutdown = ErrorCode::from_codes(6, 2);
        assert_eq!(shutdown.to_string(), "Cease/Administrative Shutdown");
        assert_eq!(ErrorCode::from_codes(4, 1).to_string(), "error 4/1");
    }
}
