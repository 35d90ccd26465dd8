use alloc::{format, string::String};
use core::fmt;

use model::ServiceKey;

/// Whether this node announces one address of one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It does.
    Announce,
    /// It does not, for the first reason that holds.
    Skip(Skip),
}

/// Why an address is not announced, in the order in which the rules are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The Service's class is not the one served.
    OtherClass,
    /// The Service has no address of ours.
    NoAddress(Gap),
    /// No advertisement is for the pool of the address and the labels of the Service.
    NoAdvertisement,
    /// The advertisements for the address do not select this node.
    NodeNotSelected,
    /// The node carries the label that takes it out of external load balancing.
    NodeExcluded,
    /// The node's condition NetworkUnavailable is True.
    NodeNetworkUnavailable,
    /// No endpoint of the address's family can take traffic anywhere.
    NoEndpoints,
    /// externalTrafficPolicy is Local and the traffic belongs to other nodes.
    NoLocalEndpoints,
    /// kube-proxy has not programmed the node yet.
    DataplaneNotReady,
    /// No peer of this node takes the address.
    NoPeer,
}

/// In which way a Service has no address of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// `status.loadBalancer` is empty.
    Unassigned,
    /// `status.loadBalancer` was written by somebody else.
    Foreign,
    /// The address belongs to this Service, which had it first.
    HeldBy(ServiceKey),
}

impl Decision {
    /// Whether the address is announced.
    pub fn is_announce(&self) -> bool {
        *self == Self::Announce
    }

    /// The reason as metrics and the debug page name it; `Announced` when there is none.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Announce => "Announced",
            Self::Skip(skip) => skip.reason(),
        }
    }

    /// Whether nothing but the peers stands between this decision and announcing: the data plane was ready.
    pub(crate) fn passed_gate(&self) -> bool {
        matches!(self, Self::Announce | Self::Skip(Skip::NoPeer))
    }
}

impl Skip {
    /// All reasons, in the order in which the rules are asked.
    pub const REASONS: [&'static str; 10] = [
        "OtherClass",
        "NoAddress",
        "NoAdvertisement",
        "NodeNotSelected",
        "NodeExcluded",
        "NodeNetworkUnavailable",
        "NoEndpoints",
        "NoLocalEndpoints",
        "DataplaneNotReady",
        "NoPeer",
    ];

    /// The reason as metrics and the debug page name it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OtherClass => "OtherClass",
            Self::NoAddress(_) => "NoAddress",
            Self::NoAdvertisement => "NoAdvertisement",
            Self::NodeNotSelected => "NodeNotSelected",
            Self::NodeExcluded => "NodeExcluded",
            Self::NodeNetworkUnavailable => "NodeNetworkUnavailable",
            Self::NoEndpoints => "NoEndpoints",
            Self::NoLocalEndpoints => "NoLocalEndpoints",
            Self::DataplaneNotReady => "DataplaneNotReady",
            Self::NoPeer => "NoPeer",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::OtherClass => "its loadBalancerClass is not the one that Herald serves".into(),
            Self::NoAddress(gap) => gap.sentence(),
            Self::NoAdvertisement => {
                "no BGPAdvertisement selects both the pool that holds the address and the Service"
                    .into()
            }
            Self::NodeNotSelected => {
                "the BGPAdvertisements for the address do not select this node".into()
            }
            Self::NodeExcluded => {
                "this node has the label node.kubernetes.io/exclude-from-external-load-balancers"
                    .into()
            }
            Self::NodeNetworkUnavailable => {
                "this node's condition NetworkUnavailable is True".into()
            }
            Self::NoEndpoints => {
                "no endpoint of the address's family is ready, or serving while terminating".into()
            }
            Self::NoLocalEndpoints => {
                "externalTrafficPolicy is Local and the endpoints to serve are on other nodes"
                    .into()
            }
            Self::DataplaneNotReady => "kube-proxy has not programmed this node yet".into(),
            Self::NoPeer => {
                "no BGPPeer that the advertisements name is usable on this node for the address's \
                 family"
                    .into()
            }
        }
    }
}

impl Gap {
    fn sentence(&self) -> String {
        match self {
            Self::Unassigned => "the Service has no address yet".into(),
            Self::Foreign => {
                "the Service's address was written by another controller than Herald".into()
            }
            Self::HeldBy(keeper) => format!("the address belongs to {keeper}, which had it first"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Announce => f.write_str("announced"),
            Self::Skip(skip) => skip.fmt(f),
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}
