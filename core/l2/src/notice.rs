use alloc::{sync::Arc, vec::Vec};
use core::net::IpAddr;

use crate::{Mac, NodeName};

/// What the machine tells its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This node answers the address from now on.
    Owned {
        /// The address.
        address: IpAddr,
        /// Names of the interfaces.
        interfaces: Vec<Arc<str>>,
        /// Why.
        gain: Gain,
    },
    /// This node does not answer the address any more.
    Lost {
        /// The address.
        address: IpAddr,
        /// Why.
        loss: Loss,
        /// Who does.
        successor: Option<NodeName>,
    },
    /// A host that is none of the nodes claims an address that this node answers; at most once a minute per address.
    Conflict(Conflict),
    /// The process had been stopped, or the machine suspended: what has arrived meanwhile is to be dropped unread.
    Stopped,
}

/// Somebody else claims an address of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The address.
    pub address: IpAddr,
    /// Who claims it.
    pub mac: Mac,
    /// Where that was heard.
    pub interface: Arc<str>,
}

/// Why an address came to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gain {
    /// Nobody had it.
    Vacant,
    /// Its owner gave it up in good order.
    HandedOver,
    /// Its owner is alive and this node ranks above it.
    Outranked,
    /// Its owner has fallen silent, and did not answer the probes.
    OwnerDead,
}

/// Why an address left this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A node that ranks above this one claims it.
    Outranked,
    /// The plan does not want it here any more.
    Withdrawn,
    /// An interface on which it was answered is gone, down or changed.
    InterfaceDown,
    /// This node's heartbeats do not leave it.
    Silenced,
    /// The process had been stopped, or the machine suspended.
    Stopped,
    /// The process takes leave.
    Left,
}

impl Gain {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Vacant,
        Self::HandedOver,
        Self::Outranked,
        Self::OwnerDead,
    ];

    /// As metrics, Events and debug page name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vacant => "Vacant",
            Self::HandedOver => "HandedOver",
            Self::Outranked => "Outranked",
            Self::OwnerDead => "OwnerDead",
        }
    }
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Outranked,
        Self::Withdrawn,
        Self::InterfaceDown,
        Self::Silenced,
        Self::Stopped,
        Self::Left,
    ];

    /// As metrics and debug page name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outranked => "Outranked",
            Self::Withdrawn => "Withdrawn",
            Self::InterfaceDown => "InterfaceDown",
            Self::Silenced => "Silenced",
            Self::Stopped => "Stopped",
            Self::Left => "Left",
        }
    }
}
