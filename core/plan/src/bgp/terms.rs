use core::num::NonZeroU16;

use bgp::{LinkBandwidth as Bandwidth, PeerSet, RouteAttributes};
use model::{Advertisement, Aggregation, Communities, LinkBandwidth, Meta, Precedence};

use super::named;
use crate::Guard;

/// Octets per second that stand for one endpoint.
const PER_ENDPOINT: u64 = 1_000_000;

/// What an advertisement asks for, with the names of communities looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Sorts first whose LOCAL_PREF, MED and prepending count.
    pub(crate) precedence: Precedence,
    /// To whom.
    pub(crate) peers: PeerSet,
    /// What becomes of packets that no Service takes; `None`: they are forwarded.
    pub(crate) guard: Option<Guard>,
    pub(crate) aggregation: Aggregation,
    local_pref: Option<u32>,
    med: Option<u32>,
    prepend: u8,
    communities: Communities,
    /// Most nodes that announce an address; `None`: all that can.
    pub(crate) cap: Option<NonZeroU16>,
    /// Routes say how many endpoints the node has.
    pub(crate) weighted: bool,
}

impl Terms {
    pub(crate) fn new(
        meta: &Meta,
        advertisement: &Advertisement,
        communities: Communities,
    ) -> Self {
        Self {
            precedence: advertisement.precedence(meta),
            peers: named(&advertisement.peers),
            guard: Guard::of(advertisement.loop_prevention),
            aggregation: advertisement.aggregation,
            local_pref: advertisement.local_pref,
            med: advertisement.med,
            prepend: advertisement.as_path_prepend,
            communities,
            cap: advertisement.max_announcers,
            weighted: advertisement.link_bandwidth == LinkBandwidth::LocalEndpoints,
        }
    }

    /// What several ask for together, sorted by their precedence, for an address with so many endpoints here.
    pub(crate) fn attributes<'a>(
        all: impl IntoIterator<Item = &'a Self>,
        endpoints: Option<u32>,
    ) -> RouteAttributes {
        let mut all = all.into_iter();
        let Some(first) = all.next() else {
            return RouteAttributes::default();
        };
        let (mut communities, mut weighted) = (first.communities.clone(), first.weighted);
        all.for_each(|other| {
            communities.extend(&other.communities);
            weighted |= other.weighted;
        });
        let bandwidth = |endpoints: u32| Bandwidth(u64::from(endpoints) * PER_ENDPOINT);
        RouteAttributes {
            local_pref: first.local_pref,
            multi_exit_disc: first.med,
            prepend: first.prepend,
            link_bandwidth: endpoints.filter(|_| weighted).map(bandwidth),
            ..said_by(communities)
        }
    }
}

/// Attributes with these communities and nothing else.
pub(super) fn said_by(communities: Communities) -> RouteAttributes {
    RouteAttributes {
        communities: communities.standard,
        large_communities: communities.large,
        extended_communities: communities.extended,
        ..RouteAttributes::default()
    }
}
