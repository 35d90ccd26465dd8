use alloc::{format, string::String};
use core::fmt;

use l2::{Held, Standing};
use model::{Name, ServiceKey};

/// By what an address is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Routes to it, to the peers.
    Bgp,
    /// Answers to ARP and NDP, and who gives them is settled among the nodes.
    L2,
}

/// What is decided about one address of one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decisions {
    /// Whether a route to it is advertised.
    pub bgp: Decision,
    /// Whether this node nominates itself for answering.
    pub l2: Decision,
}

/// Whether this node announces one address of one Service by one protocol.
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
    /// No advertisement of the protocol is for the pool of the address and the labels of the Service.
    NoAdvertisement(Protocol),
    /// The advertisements for the address do not select this node.
    NodeNotSelected(Protocol),
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
    /// No peer of this node takes the address; BGP only.
    NoPeer,
    /// The node nominates itself, and does not answer; layer 2 only. The rules here never say so: the election does.
    NotOwner {
        /// What it does instead.
        standing: Standing,
        /// Who answers, as far as this node knows.
        owner: Option<Name>,
    },
    /// As many nodes announce it as are to; BGP only.
    AnnouncerCap,
    /// This node is leaving, and nothing else stands against it.
    Draining,
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

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Bgp, Self::L2];

    /// As metrics and the debug page name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bgp => "BGP",
            Self::L2 => "L2",
        }
    }

    /// The kind of its advertisements.
    const fn advertisement(self) -> &'static str {
        match self {
            Self::Bgp => "BGPAdvertisement",
            Self::L2 => "L2Advertisement",
        }
    }
}

impl Decisions {
    /// The same for both.
    pub(crate) fn skip(skip: Skip) -> Self {
        Self {
            bgp: Decision::Skip(skip.clone()),
            l2: Decision::Skip(skip),
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, &Decision)> {
        [(Protocol::Bgp, &self.bgp), (Protocol::L2, &self.l2)].into_iter()
    }

    /// Whether the data plane was ready for one of them: it is the same data plane.
    pub(crate) fn passed_gate(&self) -> bool {
        self.bgp.passed_gate() || self.l2.passed_gate()
    }

    /// Whether one of them waits for the data plane.
    pub fn waits_for_gate(&self) -> bool {
        self.iter()
            .any(|(_, decision)| *decision == Decision::Skip(Skip::DataplaneNotReady))
    }
}

impl Decision {
    /// What becomes of the decision of layer 2 by what the election says about the address; `None`: it does not know the
    /// address yet.
    #[must_use]
    pub fn elected(&self, held: Option<&Held>) -> Self {
        match (self, held) {
            (Self::Skip(_), _) => self.clone(),
            (Self::Announce, Some(held)) if held.standing == Standing::Owner => Self::Announce,
            (Self::Announce, held) => Self::Skip(Skip::NotOwner {
                standing: held.map_or(Standing::Listening, |held| held.standing),
                owner: held.and_then(|held| held.owner.clone()),
            }),
        }
    }

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

    /// Whether nothing but the peers, other nodes or a drain stands between this decision and announcing: the data plane was ready.
    pub(crate) fn passed_gate(&self) -> bool {
        matches!(
            self,
            Self::Announce | Self::Skip(Skip::NoPeer | Skip::AnnouncerCap | Skip::Draining)
        )
    }
}

impl Skip {
    /// All reasons, in the order in which the rules are asked.
    pub const REASONS: [&'static str; 13] = [
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
        "NotOwner",
        "AnnouncerCap",
        "Draining",
    ];

    /// The reason as metrics and the debug page name it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OtherClass => "OtherClass",
            Self::NoAddress(_) => "NoAddress",
            Self::NoAdvertisement(_) => "NoAdvertisement",
            Self::NodeNotSelected(_) => "NodeNotSelected",
            Self::NodeExcluded => "NodeExcluded",
            Self::NodeNetworkUnavailable => "NodeNetworkUnavailable",
            Self::NoEndpoints => "NoEndpoints",
            Self::NoLocalEndpoints => "NoLocalEndpoints",
            Self::DataplaneNotReady => "DataplaneNotReady",
            Self::NoPeer => "NoPeer",
            Self::NotOwner { .. } => "NotOwner",
            Self::AnnouncerCap => "AnnouncerCap",
            Self::Draining => "Draining",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::OtherClass => "its loadBalancerClass is not the one that Herald serves".into(),
            Self::NoAddress(gap) => gap.sentence(),
            Self::NoAdvertisement(protocol) => format!(
                "no {} selects both the pool that holds the address and the Service",
                protocol.advertisement()
            ),
            Self::NodeNotSelected(protocol) => format!(
                "the {}s for the address do not select this node",
                protocol.advertisement()
            ),
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
            Self::NotOwner { standing, owner } => not_owner(*standing, owner.as_deref()),
            Self::AnnouncerCap => {
                "other nodes, which come first for the address, are as many as spec.maxAnnouncers of its \
                 BGPAdvertisements wants"
                    .into()
            }
            Self::Draining => {
                "this node is leaving: it carries the taint or annotation heraldlb.io/drain, or its speaker stops"
                    .into()
            }
        }
    }
}

fn not_owner(standing: Standing, owner: Option<&str>) -> String {
    let why = match standing {
        Standing::Owner | Standing::NotOwner => "another node is to answer",
        Standing::Probing => "this node asks the segment whether somebody still has the address",
        Standing::OwnerAliveOnSegment => {
            "the former owner is not heard and still answers on the segment"
        }
        Standing::NoInterface => {
            "no interface that the L2Advertisements name is up and has what the address's family needs"
        }
        Standing::Listening => "this node has only just begun and listens first",
        Standing::NoKey => "this node has no key for heartbeats yet",
    };
    let name = standing.as_str();
    match owner {
        Some(owner) => format!("{why} ({name}); node {owner} owns the address"),
        None => format!("{why} ({name}); no owner is known"),
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

#[cfg(test)]
mod tests {
    use alloc::{string::ToString as _, vec::Vec};

    use super::*;

    #[test]
    fn says_which_kind_of_advertisement_is_missing() {
        let sentences = Protocol::ALL.map(|protocol| Skip::NodeNotSelected(protocol).to_string());
        assert_eq!(
            sentences,
            [
                "the BGPAdvertisements for the address do not select this node",
                "the L2Advertisements for the address do not select this node",
            ]
        );
    }

    #[test]
    fn the_election_decides_among_those_that_are_nominated() {
        let held = |standing, owner: Option<&str>| Held {
            standing,
            interfaces: Vec::new(),
            owner: owner.map(Into::into),
        };
        let skipped = Decision::Skip(Skip::NoEndpoints);
        let owner = held(Standing::Owner, Some("w1"));
        assert_eq!(skipped.elected(Some(&owner)), skipped);
        assert_eq!(Decision::Announce.elected(Some(&owner)), Decision::Announce);
        for (held, expected) in [
            (
                Some(held(Standing::NotOwner, Some("w2"))),
                "another node is to answer (NotOwner); node w2 owns the address",
            ),
            (
                Some(held(Standing::NoKey, None)),
                "this node has no key for heartbeats yet (NoKey); no owner is known",
            ),
            (
                None,
                "this node has only just begun and listens first (Listening); no owner is known",
            ),
        ] {
            let decision = Decision::Announce.elected(held.as_ref());
            assert_eq!(
                (decision.reason(), decision.to_string().as_str()),
                ("NotOwner", expected)
            );
        }
    }
}
