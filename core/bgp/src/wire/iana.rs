//! Numbers assigned by IANA (registries "BGP Parameters" and "Capability Codes"), with their names.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The type of a message (RFC 4271 section 4.1, RFC 2918).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MessageType {
    /// OPEN.
    Open = 1,
    /// UPDATE.
    Update = 2,
    /// NOTIFICATION.
    Notification = 3,
    /// KEEPALIVE.
    Keepalive = 4,
    /// ROUTE-REFRESH.
    RouteRefresh = 5,
}

impl MessageType {
    /// The type with this number, when there is one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Open,
            2 => Self::Update,
            3 => Self::Notification,
            4 => Self::Keepalive,
            5 => Self::RouteRefresh,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name as in the RFC.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Update => "UPDATE",
            Self::Notification => "NOTIFICATION",
            Self::Keepalive => "KEEPALIVE",
            Self::RouteRefresh => "ROUTE-REFRESH",
        }
    }
}

/// The type code of a path attribute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeCode(pub u8);

/// The code of a capability.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapabilityCode(pub u8);

macro_rules! numbers {
    ($kind:ident { $($name:ident = $code:literal $text:literal;)* }) => {
        impl $kind {
            $(
                #[doc = $text]
                pub const $name: Self = Self($code);
            )*

            /// The name as IANA lists it, when we know it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => self.0.fmt(f),
                }
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

numbers!(AttributeCode {
    ORIGIN = 1 "ORIGIN";
    AS_PATH = 2 "AS_PATH";
    NEXT_HOP = 3 "NEXT_HOP";
    MULTI_EXIT_DISC = 4 "MULTI_EXIT_DISC";
    LOCAL_PREF = 5 "LOCAL_PREF";
    ATOMIC_AGGREGATE = 6 "ATOMIC_AGGREGATE";
    AGGREGATOR = 7 "AGGREGATOR";
    COMMUNITIES = 8 "COMMUNITIES";
    ORIGINATOR_ID = 9 "ORIGINATOR_ID";
    CLUSTER_LIST = 10 "CLUSTER_LIST";
    MP_REACH_NLRI = 14 "MP_REACH_NLRI";
    MP_UNREACH_NLRI = 15 "MP_UNREACH_NLRI";
    EXTENDED_COMMUNITIES = 16 "EXTENDED COMMUNITIES";
    AS4_PATH = 17 "AS4_PATH";
    AS4_AGGREGATOR = 18 "AS4_AGGREGATOR";
    LARGE_COMMUNITIES = 32 "LARGE_COMMUNITY";
});

numbers!(CapabilityCode {
    MULTIPROTOCOL = 1 "Multiprotocol Extensions";
    ROUTE_REFRESH = 2 "Route Refresh";
    EXTENDED_NEXT_HOP = 5 "Extended Next Hop Encoding";
    EXTENDED_MESSAGE = 6 "Extended Message";
    GRACEFUL_RESTART = 64 "Graceful Restart";
    FOUR_OCTET_ASN = 65 "4-octet AS Number";
    ADD_PATH = 69 "ADD-PATH";
    ENHANCED_ROUTE_REFRESH = 70 "Enhanced Route Refresh";
    LONG_LIVED_GRACEFUL_RESTART = 71 "Long-Lived Graceful Restart";
    FQDN = 73 "FQDN";
});
