use alloc::{format, vec::Vec};
use core::{cmp::Reverse, net::IpAddr, num::NonZeroU16};

use bgp::{DEFAULT_LOCAL_PREF, Prefix};
pub use crds::{LinkBandwidth, LoopPrevention};

use crate::{
    CommunityList, Condition, Meta, Name, Parsed, Rejection, Selection, Timestamp,
    selection::parse_names,
};

/// A BGPAdvertisement's spec, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Advertisement {
    /// Which addresses of which Services, and which nodes announce them.
    pub selection: Selection,
    /// BGPPeers by name; empty: all peers of the node.
    pub peers: Vec<Name>,
    /// Lengths of the prefixes that its addresses are advertised as.
    pub aggregation: Aggregation,
    /// LOCAL_PREF towards internal peers; `None`: 100.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC; `None`: none is sent.
    pub med: Option<u32>,
    /// Communities of the routes.
    pub communities: CommunityList,
    /// How many times more than once our AS stands in AS_PATH towards external peers, 0 to 10.
    pub as_path_prepend: u8,
    /// Most nodes that announce one address; `None`: all that can.
    pub max_announcers: Option<NonZeroU16>,
    /// Whether routes say how much traffic their node takes.
    pub link_bandwidth: LinkBandwidth,
    /// What becomes of packets to an announced address that no Service takes.
    pub loop_prevention: LoopPrevention,
}

/// Prefix lengths: those of host routes, or shorter ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Aggregation {
    /// Of IPv4, 1 to 32.
    pub ipv4: u8,
    /// Of IPv6, 1 to 128.
    pub ipv6: u8,
}

impl Default for Aggregation {
    fn default() -> Self {
        Self {
            ipv4: 32,
            ipv6: 128,
        }
    }
}

impl Aggregation {
    /// What the address is advertised as; `None`: itself alone.
    pub fn of(self, address: IpAddr) -> Option<Prefix> {
        let length = match address {
            IpAddr::V4(_) => self.ipv4,
            IpAddr::V6(_) => self.ipv6,
        };
        let prefix = Prefix::new(address, length).ok();
        prefix.filter(|prefix| !prefix.is_host())
    }
}

/// Whose LOCAL_PREF, MED and prepending count of several advertisements for one prefix: the least, which has the highest
/// LOCAL_PREF, then is the oldest, then the first by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence {
    local_pref: Reverse<u32>,
    created: Timestamp,
    /// Name of the advertisement.
    pub name: Name,
}

impl Advertisement {
    /// LOCAL_PREF towards internal peers.
    pub fn effective_local_pref(&self) -> u32 {
        self.local_pref.unwrap_or(DEFAULT_LOCAL_PREF)
    }

    /// Its precedence over others.
    pub fn precedence(&self, meta: &Meta) -> Precedence {
        Precedence {
            local_pref: Reverse(self.effective_local_pref()),
            created: meta.created,
            name: meta.name.clone(),
        }
    }

    /// Parses a BGPAdvertisement.
    pub fn parse(object: &crds::BGPAdvertisement) -> Parsed<Self> {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        Parsed {
            meta: Meta::parse(&object.metadata, conditions.map(Condition::parse).collect()),
            value: Self::parse_spec(&object.spec),
        }
    }

    fn parse_spec(spec: &crds::BGPAdvertisementSpec) -> Result<Self, Rejection> {
        Ok(Self {
            selection: Selection::parse(
                &spec.ip_address_pools,
                &spec.ip_address_pool_selectors,
                &spec.service_selectors,
                &spec.node_selectors,
            )?,
            peers: parse_names("spec.peers", &spec.peers)?,
            aggregation: Aggregation {
                ipv4: parse_length("spec.aggregationLength", spec.aggregation_length, 32)?,
                ipv6: parse_length("spec.aggregationLengthV6", spec.aggregation_length_v6, 128)?,
            },
            local_pref: parse_number("spec.localPref", spec.local_pref)?,
            med: parse_number("spec.med", spec.med)?,
            communities: CommunityList::parse("spec.communities", &spec.communities)?,
            as_path_prepend: parse_prepend(spec.as_path_prepend)?,
            max_announcers: parse_announcers(spec.max_announcers)?,
            link_bandwidth: spec.link_bandwidth,
            loop_prevention: spec.loop_prevention,
        })
    }
}

/// A field that is 32 bits wide on the wire.
pub(crate) fn parse_number(field: &str, number: Option<i64>) -> Result<Option<u32>, Rejection> {
    let parse = |number: i64| {
        u32::try_from(number).map_err(|_| {
            Rejection::new(
                field,
                format!("{number} is out of range"),
                "use 0 to 4294967295",
            )
        })
    };
    number.map(parse).transpose()
}

fn parse_length(field: &str, length: i32, host: u8) -> Result<u8, Rejection> {
    let fits = u8::try_from(length).ok();
    let fits = fits.filter(|length| (1..=host).contains(length));
    fits.ok_or_else(|| {
        Rejection::new(
            field,
            format!("{length} is out of range"),
            format!("use 1 to {host}; {host} advertises each address alone"),
        )
    })
}

fn parse_prepend(number: i32) -> Result<u8, Rejection> {
    let fits = u8::try_from(number)
        .ok()
        .filter(|number| *number <= PREPEND);
    fits.ok_or_else(|| {
        Rejection::new(
            "spec.asPathPrepend",
            format!("{number} is out of range"),
            "use 0 to 10",
        )
    })
}

fn parse_announcers(number: i32) -> Result<Option<NonZeroU16>, Rejection> {
    let fits = u16::try_from(number)
        .ok()
        .filter(|number| *number <= ANNOUNCERS);
    match fits {
        Some(number) => Ok(NonZeroU16::new(number)),
        None => Err(Rejection::new(
            "spec.maxAnnouncers",
            format!("{number} is out of range"),
            format!("use 1 to {ANNOUNCERS}, or 0 so that every node announces that can"),
        )),
    }
}

/// Most announcers of an address that can be asked for.
const ANNOUNCERS: u16 = 1024;
/// How often our AS may stand in a path beyond the first time.
const PREPEND: u8 = 10;

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    fn parse(spec: &str) -> Result<Advertisement, String> {
        let spec = serde_yaml_ng::from_str(spec).unwrap();
        let parsed = Advertisement::parse(&crds::BGPAdvertisement::new("a", spec));
        parsed.value.map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn an_empty_one_is_for_everything() {
        assert_eq!(parse("{}").unwrap(), Advertisement::default());
    }

    #[test]
    fn reads_what_the_routes_are_to_say() {
        let all = parse(
            "{localPref: 0, med: 4294967295, asPathPrepend: 10, communities: [no-export, vpn, '65000:1']}",
        )
        .unwrap();
        assert_eq!((all.local_pref, all.med), (Some(0), Some(u32::MAX)));
        assert_eq!(all.as_path_prepend, 10);
        let communities = all.communities;
        assert_eq!(
            (communities.written.standard.len(), communities.names.len()),
            (2, 1)
        );
    }

    #[test]
    fn no_announcers_at_most_means_all() {
        let most = |spec| parse(spec).unwrap().max_announcers;
        assert_eq!(most("{maxAnnouncers: 0}"), None);
        assert_eq!(most("{maxAnnouncers: 2}"), NonZeroU16::new(2));
    }

    #[test]
    fn refuses_numbers_that_do_not_fit() {
        for (spec, sentence) in [
            (
                "{med: -1}",
                "spec.med: -1 is out of range; use 0 to 4294967295",
            ),
            (
                "{localPref: 4294967296}",
                "spec.localPref: 4294967296 is out of range; use 0 to 4294967295",
            ),
            (
                "{aggregationLength: 33}",
                "spec.aggregationLength: 33 is out of range; use 1 to 32; 32 advertises each address alone",
            ),
            (
                "{aggregationLengthV6: 0}",
                "spec.aggregationLengthV6: 0 is out of range; use 1 to 128; 128 advertises each address alone",
            ),
            (
                "{maxAnnouncers: 1025}",
                "spec.maxAnnouncers: 1025 is out of range; use 1 to 1024, or 0 so that every node announces that can",
            ),
            (
                "{asPathPrepend: 11}",
                "spec.asPathPrepend: 11 is out of range; use 0 to 10",
            ),
        ] {
            assert_eq!(parse(spec).unwrap_err(), sentence);
        }
    }

    #[test]
    fn refuses_bad_entries_naming_them() {
        assert_eq!(
            parse("{peers: [tor-1, '']}").unwrap_err(),
            "spec.peers[1]: the name is empty; name an object or remove the entry"
        );
        let sentence = parse("{nodeSelectors: [{matchExpressions: [{key: a, operator: X}]}]}");
        assert!(
            sentence
                .unwrap_err()
                .starts_with("spec.nodeSelectors[0].matchExpressions[0].operator")
        );
    }
}
