use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Aggregator, AsPath, Origin, UnknownAttribute};
use crate::params::{BgpIdentifier, Community, ExtendedCommunity, LargeCommunity, LinkBandwidth};

/// What is said about a route, apart from prefix and next hop. Equal values can share an UPDATE.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteAttributes {
    /// ORIGIN.
    pub origin: Origin,
    /// AS_PATH, complete in 4-octet numbers.
    pub as_path: AsPath,
    /// MULTI_EXIT_DISC; smaller is better.
    pub multi_exit_disc: Option<u32>,
    /// LOCAL_PREF; larger is better, internal peers only.
    pub local_pref: Option<u32>,
    /// COMMUNITIES.
    pub communities: BTreeSet<Community>,
    /// LARGE_COMMUNITY.
    pub large_communities: BTreeSet<LargeCommunity>,
    /// EXTENDED COMMUNITIES.
    pub extended_communities: BTreeSet<ExtendedCommunity>,
    /// How many times more than once our AS stands in AS_PATH towards external peers. Taken up on export; never received.
    pub prepend: u8,
    /// Becomes an extended community in the form that the session can carry. Taken up on export; never received.
    pub link_bandwidth: Option<LinkBandwidth>,
}

/// What a peer said about routes, after RFC 7606.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReceivedAttributes {
    /// What we could have said too.
    pub route: RouteAttributes,
    /// Somebody dropped a part of the path.
    pub atomic_aggregate: bool,
    /// Who formed the aggregate.
    pub aggregator: Option<Aggregator>,
    /// Who brought the route into the AS (RFC 4456 section 8).
    pub originator_id: Option<BgpIdentifier>,
    /// Which clusters of reflectors it passed, last first (RFC 4456 section 8).
    pub cluster_list: Vec<Ipv4Addr>,
    /// Transitive ones that we do not know; the others are passed over (RFC 4271 section 5).
    pub unknown: Vec<UnknownAttribute>,
}
