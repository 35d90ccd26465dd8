//! What `spec.import` of a BGPPeer means.

use alloc::{
    format,
    string::{String, ToString},
};

use bgp::{Excess, Import, ImportRule, InvalidLengths, Prefix};
use ipnet::IpNet;

use crate::Rejection;

/// Most prefixes that may be accepted of one family: what a speaker keeps of each is bounded, but not small.
const MOST_PREFIXES: u32 = 1_000_000;
/// How often our own AS may stand in a path, at most.
const MOST_OWN_ASNS: u8 = 10;

pub(super) fn parse(import: Option<&crds::BGPImport>) -> Result<Import, Rejection> {
    let Some(import) = import else {
        return Ok(Import::default());
    };
    if import.prefixes.is_empty() {
        return Err(Rejection::new(
            "spec.import.prefixes",
            "it is empty",
            "list what is to be accepted, or remove import to accept nothing",
        ));
    }
    let allow_own_asn = parse_own_asns(import.allow_own_asn)?;
    let rules = import.prefixes.iter().enumerate().map(|(index, entry)| {
        let mut rule = parse_rule(&format!("spec.import.prefixes[{index}]"), entry)?;
        (rule.allow_own_asn, rule.install) = (allow_own_asn, import.install);
        Ok(rule)
    });
    Ok(Import {
        rules: rules.collect::<Result<_, Rejection>>()?,
        max_prefixes: parse_max_prefixes(import.max_prefixes)?,
        excess: match import.max_prefix_action {
            crds::MaxPrefixAction::Warn => Excess::Ignore,
            crds::MaxPrefixAction::Cease => Excess::Cease,
        },
        ..Import::default()
    })
}

/// As in the prefix lists of routers: without `ge` and `le` only the network itself.
fn parse_rule(field: &str, entry: &crds::ImportPrefix) -> Result<ImportRule, Rejection> {
    let prefix = parse_cidr(&format!("{field}.cidr"), &entry.cidr)?;
    let length = |name: &str, bits: Option<i32>, default: u8| match bits.map(u8::try_from) {
        None => Ok(default),
        Some(Ok(bits)) => Ok(bits),
        Some(Err(_)) => Err(Rejection::new(
            format!("{field}.{name}"),
            format!("{} is no length of a prefix", bits.unwrap_or_default()),
            "use 0 to 32 for IPv4, 0 to 128 for IPv6",
        )),
    };
    let exact = entry.ge.is_none() && entry.le.is_none();
    let shortest = length("ge", entry.ge, prefix.length())?;
    let most = if exact {
        prefix.length()
    } else {
        prefix.most()
    };
    let longest = length("le", entry.le, most)?;
    ImportRule::of_lengths(prefix, shortest, longest).map_err(|error| {
        let (wrong, remedy) = match error {
            InvalidLengths::Empty { .. } if entry.ge.is_none() => {
                ("le", "use at least the length of cidr, or leave it out")
            }
            InvalidLengths::Empty { .. } => (
                "ge",
                "write the shorter length as ge and the longer one as le",
            ),
            InvalidLengths::Outside { .. } => {
                ("ge", "use at least the length of cidr, or leave it out")
            }
            InvalidLengths::TooLong { .. } => ("le", "use at most 32 for IPv4, 128 for IPv6"),
        };
        Rejection::new(format!("{field}.{wrong}"), error.to_string(), remedy)
    })
}

fn parse_cidr(field: &str, text: &str) -> Result<Prefix, Rejection> {
    let reject = |what: &str, remedy: String| {
        Err(Rejection::new(field, format!("\"{text}\" {what}"), remedy))
    };
    let Ok(network) = text.parse::<IpNet>() else {
        return reject(
            "is no network",
            "write a CIDR such as 10.0.0.0/8 or fd00::/8".into(),
        );
    };
    match network == network.trunc() {
        true => Ok(network.into()),
        false => reject(
            "has bits set behind its prefix length",
            format!("write {}", network.trunc()),
        ),
    }
}

fn parse_max_prefixes(number: i32) -> Result<u32, Rejection> {
    let parsed = u32::try_from(number).ok();
    parsed
        .filter(|number| (1..=MOST_PREFIXES).contains(number))
        .ok_or_else(|| {
            Rejection::new(
                "spec.import.maxPrefixes",
                format!("{number} is out of range"),
                format!("use 1 to {MOST_PREFIXES}"),
            )
        })
}

fn parse_own_asns(number: i32) -> Result<u8, Rejection> {
    let parsed = u8::try_from(number).ok();
    parsed
        .filter(|number| *number <= MOST_OWN_ASNS)
        .ok_or_else(|| {
            Rejection::new(
                "spec.import.allowOwnASN",
                format!("{number} is out of range"),
                format!("use 0 to {MOST_OWN_ASNS}"),
            )
        })
}
