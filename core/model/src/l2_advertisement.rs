use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use l2::InterfaceFilter;

use crate::{Condition, Labels, Meta, Name, Parsed, Rejection, Selection, Selectors, duration};

/// A L2Advertisement's spec, parsed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct L2Advertisement {
    /// Which addresses of which Services, and nodes of which one answers.
    pub selection: Selection,
    /// Interfaces on which they are answered.
    #[serde(with = "Interfaces")]
    pub interfaces: InterfaceFilter,
    /// Nodes that are preferred.
    pub preferences: Vec<Preference>,
    /// Time between two gratuitous announcements, at most 1 h; `None`: none but those of a takeover.
    pub gratuitous_interval: Option<Duration>,
    /// How long speaker and interface must have been well before the node is preferred to an owner, at most 1 h.
    pub stability_time: Duration,
}

/// How an [`InterfaceFilter`] is written to a file.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(remote = "InterfaceFilter")]
struct Interfaces {
    uplinks: bool,
    patterns: Vec<Name>,
}

/// Nodes that are preferred, and how much.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Preference {
    /// How much, 1 to 100.
    pub weight: u8,
    /// Which nodes.
    pub nodes: Selectors,
}

const GRATUITOUS_INTERVAL: Duration = Duration::from_secs(60);
const STABILITY_TIME: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3_600);
/// Longest name of an interface, octets: IFNAMSIZ of linux/if.h without its final NUL.
const INTERFACE_LENGTH: usize = 15;

impl Default for L2Advertisement {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            interfaces: InterfaceFilter::new([]),
            preferences: Vec::new(),
            gratuitous_interval: Some(GRATUITOUS_INTERVAL),
            stability_time: STABILITY_TIME,
        }
    }
}

impl L2Advertisement {
    /// Parses a L2Advertisement.
    pub fn parse(object: &crds::L2Advertisement) -> Parsed<Self> {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        Parsed {
            meta: Meta::parse(&object.metadata, conditions.map(Condition::parse).collect()),
            value: Self::parse_spec(&object.spec),
        }
    }

    /// How much a node with these labels is preferred: the sum of what matches, more is better.
    pub fn weight(&self, labels: &Labels) -> u16 {
        let matching = self
            .preferences
            .iter()
            .filter(|preference| preference.nodes.matches(labels));
        matching.fold(0, |sum, preference| {
            sum.saturating_add(preference.weight.into())
        })
    }

    fn parse_spec(spec: &crds::L2AdvertisementSpec) -> Result<Self, Rejection> {
        let preferences = spec.preferred_node_selectors.iter().enumerate();
        let gratuitous_interval = parse_time(
            "spec.gratuitousInterval",
            spec.gratuitous_interval.as_deref(),
        )?;
        let stability_time = parse_time("spec.stabilityTime", spec.stability_time.as_deref())?;
        let every = gratuitous_interval.unwrap_or(GRATUITOUS_INTERVAL);
        Ok(Self {
            selection: Selection::parse(
                &spec.ip_address_pools,
                &spec.ip_address_pool_selectors,
                &spec.service_selectors,
                &spec.node_selectors,
            )?,
            interfaces: parse_interfaces(&spec.interfaces)?,
            preferences: preferences
                .map(parse_preference)
                .collect::<Result<_, _>>()?,
            gratuitous_interval: (!every.is_zero()).then_some(every),
            stability_time: stability_time.unwrap_or(STABILITY_TIME),
        })
    }
}

/// The kernel takes no such name (dev_valid_name in net/core/dev.c), so it could match nothing.
fn parse_interfaces(patterns: &[String]) -> Result<InterfaceFilter, Rejection> {
    let refused = |c: char| matches!(c, '/' | ':') || c.is_whitespace();
    let parse = |(index, pattern): (usize, &String)| match (1..=INTERFACE_LENGTH)
        .contains(&pattern.len())
        && !pattern.contains(refused)
    {
        true => Ok(Arc::from(pattern.as_str())),
        false => Err(Rejection::new(
            format!("spec.interfaces[{index}]"),
            format!("\"{pattern}\" is no name of an interface and no pattern of such"),
            "use 1 to 15 characters without '/', ':' and blanks, such as eth0 or eth*",
        )),
    };
    let patterns = patterns.iter().enumerate().map(parse);
    Ok(InterfaceFilter::new(
        patterns.collect::<Result<Vec<_>, _>>()?,
    ))
}

fn parse_preference(
    (index, entry): (usize, &crds::PreferredNodeSelector),
) -> Result<Preference, Rejection> {
    let field = format!("spec.preferredNodeSelectors[{index}]");
    match u8::try_from(entry.weight) {
        Ok(weight @ 1..=100) => Ok(Preference {
            weight,
            nodes: Selectors::parse_one(&format!("{field}.preference"), &entry.preference)?,
        }),
        _ => Err(Rejection::new(
            format!("{field}.weight"),
            format!("{} is out of range", entry.weight),
            "use 1 to 100",
        )),
    }
}

fn parse_time(field: &str, text: Option<&str>) -> Result<Option<Duration>, Rejection> {
    let Some(text) = text else { return Ok(None) };
    let time = duration::parse(field, text)?;
    match time <= LONGEST && time.subsec_nanos() == 0 {
        true => Ok(Some(time)),
        false => Err(Rejection::new(
            field,
            format!("\"{text}\" is out of range"),
            "use whole seconds from 0s to 1h",
        )),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parse(spec: &str) -> Result<L2Advertisement, String> {
        let spec = serde_yaml_ng::from_str(spec).unwrap();
        let parsed = L2Advertisement::parse(&crds::L2Advertisement::new("a", spec));
        parsed.value.map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn an_empty_one_is_for_everything_on_every_uplink() {
        assert_eq!(parse("{}").unwrap(), L2Advertisement::default());
    }

    #[test]
    fn reads_every_field() {
        let advertisement = parse(
            "{ipAddressPools: [a], interfaces: [eth*, bond0], gratuitousInterval: 0s, stabilityTime: 1m30s, \
             preferredNodeSelectors: [{weight: 7, preference: {matchLabels: {rack: a}}}]}",
        )
        .unwrap();
        let selection = Selection {
            pools: ["a".into()].into(),
            ..Selection::default()
        };
        assert_eq!(advertisement.selection, selection);
        let interfaces = InterfaceFilter::new(["bond0".into(), "eth*".into()]);
        assert_eq!(advertisement.interfaces, interfaces);
        assert!(!advertisement.interfaces.uplinks);
        assert_eq!(advertisement.gratuitous_interval, None);
        assert_eq!(advertisement.stability_time, Duration::from_secs(90));
    }

    #[test]
    fn adds_up_the_preferences_that_match_a_node() {
        let advertisement = parse(
            "{preferredNodeSelectors: [{weight: 100, preference: {matchLabels: {rack: a}}}, \
             {weight: 20, preference: {matchLabels: {disk: fast}}}, {weight: 3, preference: {}}]}",
        )
        .unwrap();
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            let owned = pairs
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()));
            owned.collect()
        };
        for (pairs, weight) in [
            (&[][..], 3),
            (&[("rack", "a")], 103),
            (&[("rack", "a"), ("disk", "fast")], 123),
            (&[("rack", "b")], 3),
        ] {
            assert_eq!(advertisement.weight(&labels(pairs)), weight, "{pairs:?}");
        }
    }

    #[test]
    fn refuses_bad_values_naming_them() {
        let name = "is no name of an interface and no pattern of such; use 1 to 15 characters without '/', ':' and \
                    blanks, such as eth0 or eth*";
        for (spec, expected) in [
            (
                "{ipAddressPools: ['']}",
                "spec.ipAddressPools[0]: the name is empty; name an object or remove the entry".into(),
            ),
            (
                "{interfaces: [eth0, '']}",
                format!("spec.interfaces[1]: \"\" {name}"),
            ),
            (
                "{interfaces: [a/b]}",
                format!("spec.interfaces[0]: \"a/b\" {name}"),
            ),
            (
                "{interfaces: ['eth0:1']}",
                format!("spec.interfaces[0]: \"eth0:1\" {name}"),
            ),
            (
                "{interfaces: ['eth 0']}",
                format!("spec.interfaces[0]: \"eth 0\" {name}"),
            ),
            (
                "{interfaces: [abcdefghijklmnop]}",
                format!("spec.interfaces[0]: \"abcdefghijklmnop\" {name}"),
            ),
            (
                "{preferredNodeSelectors: [{weight: 101, preference: {}}]}",
                "spec.preferredNodeSelectors[0].weight: 101 is out of range; use 1 to 100".into(),
            ),
            (
                "{preferredNodeSelectors: [{weight: 1, preference: {matchLabels: {'': a}}}]}",
                "spec.preferredNodeSelectors[0].preference.matchLabels: a label key is empty; name the label".into(),
            ),
            (
                "{gratuitousInterval: 500ms}",
                "spec.gratuitousInterval: \"500ms\" is out of range; use whole seconds from 0s to 1h".into(),
            ),
            (
                "{stabilityTime: 61m}",
                "spec.stabilityTime: \"61m\" is out of range; use whole seconds from 0s to 1h".into(),
            ),
        ] {
            assert_eq!(parse(spec).unwrap_err(), expected, "{spec}");
        }
    }
}
