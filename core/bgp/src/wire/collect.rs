use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::attr::{Aggregator, AsPath, MpReach, NextHop, PathAttribute, ReceivedAttributes, merge};
use super::{Reach, Update};
use crate::params::{Asn, Family, Prefix};

/// The attributes of one UPDATE, each in its place.
#[derive(Default)]
pub(super) struct Collected {
    attributes: ReceivedAttributes,
    next_hop: Option<Ipv4Addr>,
    as4_path: Option<AsPath>,
    as4_aggregator: Option<Aggregator>,
    reach: Option<MpReach>,
    withdrawn: Vec<Prefix>,
}

impl From<Vec<PathAttribute>> for Collected {
    fn from(attributes: Vec<PathAttribute>) -> Self {
        let mut collected = Self::default();
        attributes
            .into_iter()
            .for_each(|attribute| collected.place(attribute));
        collected
    }
}

impl Collected {
    /// An UPDATE with what the attributes and the IPv4 field announce.
    pub(super) fn into_update(mut self, announced: Vec<Prefix>) -> Update {
        self.merge_4octet();
        // A next hop that is missing or spoiled does not count: these prefixes are going to be withdrawn.
        let next_hop = NextHop::Ipv4(self.next_hop.unwrap_or(Ipv4Addr::UNSPECIFIED));
        let classic = Reach {
            family: Family::IPV4_UNICAST,
            next_hop,
            prefixes: announced,
        };
        let multiprotocol = self.reach.map(
            |MpReach {
                 family,
                 next_hop,
                 prefixes,
             }| Reach {
                family,
                next_hop,
                prefixes,
            },
        );
        let announced = [Some(classic), multiprotocol].into_iter().flatten();
        Update {
            announced: announced
                .filter(|reach| !reach.prefixes.is_empty())
                .collect(),
            withdrawn: self.withdrawn,
            attributes: self.attributes,
            ..Update::default()
        }
    }

    fn place(&mut self, attribute: PathAttribute) {
        let attributes = &mut self.attributes;
        let route = &mut attributes.route;
        match attribute {
            PathAttribute::Origin(origin) => route.origin = origin,
            PathAttribute::AsPath(path) => route.as_path = path,
            PathAttribute::NextHop(address) => self.next_hop = Some(address),
            PathAttribute::MultiExitDisc(number) => route.multi_exit_disc = Some(number),
            PathAttribute::LocalPref(number) => route.local_pref = Some(number),
            PathAttribute::AtomicAggregate => attributes.atomic_aggregate = true,
            PathAttribute::Aggregator(aggregator) => attributes.aggregator = Some(aggregator),
            PathAttribute::Communities(list) => route.communities = list.into_iter().collect(),
            PathAttribute::OriginatorId(identifier) => {
                attributes.originator_id = Some(identifier);
            }
            PathAttribute::ClusterList(list) => attributes.cluster_list = list,
            PathAttribute::MpReach(reach) => self.reach = Some(reach),
            PathAttribute::MpUnreach(unreach) => self.withdrawn = unreach.prefixes,
            PathAttribute::ExtendedCommunities(list) => {
                route.extended_communities = list.into_iter().collect();
            }
            PathAttribute::As4Path(path) => self.as4_path = Some(path),
            PathAttribute::As4Aggregator(aggregator) => self.as4_aggregator = Some(aggregator),
            PathAttribute::LargeCommunities(list) => {
                route.large_communities = list.into_iter().collect();
            }
            PathAttribute::Unknown(unknown) => {
                if unknown.flags.is_transitive() {
                    attributes.unknown.push(unknown);
                }
            }
        }
    }

    /// RFC 6793 section 4.2.3: who aggregated without knowing 4-octet numbers made both AS4 attributes stale.
    fn merge_4octet(&mut self) {
        let attributes = &mut self.attributes;
        let aggregated_since = self.as4_aggregator.is_some()
            && attributes
                .aggregator
                .is_some_and(|aggregator| aggregator.asn != Asn::TRANS);
        if aggregated_since {
            return;
        }
        if attributes.aggregator.is_some() {
            attributes.aggregator = self.as4_aggregator.or(attributes.aggregator);
        }
        if let Some(as4_path) = self.as4_path.take() {
            let as_path = core::mem::take(&mut attributes.route.as_path);
            attributes.route.as_path = merge(as_path, &as4_path);
        }
    }
}
