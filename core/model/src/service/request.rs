use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::net::IpAddr;

use crate::{AddressFamily, Name, Rejection};

/// What a Service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Request {
    /// Only this pool (`heraldlb.io/address-pool`).
    pub pool: Option<Name>,
    /// Exactly these addresses, at most one per family (`heraldlb.io/load-balancer-ips`,
    /// `spec.loadBalancerIP`), IPv4 first; empty: any.
    pub addresses: Vec<IpAddr>,
}

const POOL: [&str; 3] = [
    "heraldlb.io/address-pool",
    "metallb.io/address-pool",
    "metallb.universe.tf/address-pool",
];
const ADDRESSES: [&str; 3] = [
    "heraldlb.io/load-balancer-ips",
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
];

impl Request {
    /// Reads annotations and `spec.loadBalancerIP`; an empty value counts as absent.
    pub(super) fn parse(
        annotations: &BTreeMap<String, String>,
        load_balancer_ip: Option<&str>,
    ) -> Result<Self, Rejection> {
        Ok(Self {
            pool: parse_pool(annotations)?,
            addresses: parse_addresses(annotations, load_balancer_ip)?,
        })
    }
}

fn parse_pool(annotations: &BTreeMap<String, String>) -> Result<Option<Name>, Rejection> {
    let found: Vec<_> = present(annotations, &POOL).collect();
    agree(found.iter().map(|&(field, pool)| (field, pool)))?;
    Ok(found.first().map(|&(_, pool)| pool.into()))
}

fn parse_addresses(
    annotations: &BTreeMap<String, String>,
    load_balancer_ip: Option<&str>,
) -> Result<Vec<IpAddr>, Rejection> {
    let spec = load_balancer_ip
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let mut found = Vec::new();
    for (field, text) in present(annotations, &ADDRESSES) {
        found.push((field, parse_list(&annotation(field), text)?));
    }
    if let Some(text) = spec {
        found.push((
            "spec.loadBalancerIP",
            parse_list("spec.loadBalancerIP", text)?,
        ));
    }
    agree(found.iter().map(|(field, addresses)| (*field, addresses)))?;
    Ok(found
        .into_iter()
        .next()
        .map(|(_, addresses)| addresses)
        .unwrap_or_default())
}

fn present<'a>(
    annotations: &'a BTreeMap<String, String>,
    aliases: &'static [&'static str],
) -> impl Iterator<Item = (&'static str, &'a str)> {
    aliases.iter().filter_map(|&alias| {
        let value = annotations.get(alias)?.trim();
        (!value.is_empty()).then_some((alias, value))
    })
}

/// Two ways of asking for one thing must ask for the same.
fn agree<T: PartialEq>(
    mut found: impl Iterator<Item = (&'static str, T)>,
) -> Result<(), Rejection> {
    let Some((first_field, first)) = found.next() else {
        return Ok(());
    };
    match found.find(|(_, other)| *other != first) {
        None => Ok(()),
        Some((field, _)) => Err(Rejection::new(
            annotation(field),
            format!("it differs from {first_field}"),
            "keep one of the two",
        )),
    }
}

/// One comma-separated list; IPv4 first.
fn parse_list(field: &str, text: &str) -> Result<Vec<IpAddr>, Rejection> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let Ok(address) = part.parse::<IpAddr>() else {
            return Err(Rejection::new(
                field,
                format!("\"{part}\" is no IP address"),
                "write one address, or an IPv4 and an IPv6 address with a comma between them",
            ));
        };
        let family = AddressFamily::of(address);
        if addresses
            .iter()
            .any(|&other| AddressFamily::of(other) == family)
        {
            return Err(Rejection::new(
                field,
                format!("\"{text}\" has two addresses of one family"),
                "write at most one IPv4 and one IPv6 address",
            ));
        }
        addresses.push(address);
    }
    addresses.sort_unstable();
    Ok(addresses)
}

fn annotation(field: &str) -> String {
    match field.starts_with("spec.") {
        true => field.into(),
        false => format!("metadata.annotations[{field}]"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    fn parse(annotations: &[(&str, &str)], ip: Option<&str>) -> Result<Request, String> {
        let annotations = annotations
            .iter()
            .map(|&(k, v)| (k.into(), v.into()))
            .collect();
        Request::parse(&annotations, ip).map_err(|rejection| rejection.to_string())
    }

    fn shown(request: &Request) -> String {
        let list: Vec<_> = request.addresses.iter().map(ToString::to_string).collect();
        format!(
            "{} {}",
            request.pool.as_deref().unwrap_or("-"),
            list.join(",")
        )
    }

    #[test]
    fn reads_every_alias() {
        for alias in POOL {
            assert_eq!(shown(&parse(&[(alias, "gold")], None).unwrap()), "gold ");
        }
        for alias in ADDRESSES {
            let request = parse(&[(alias, "fd00::1, 10.0.0.1")], None).unwrap();
            assert_eq!(shown(&request), "- 10.0.0.1,fd00::1");
        }
        assert_eq!(shown(&parse(&[], Some("10.0.0.1")).unwrap()), "- 10.0.0.1");
    }

    #[test]
    fn takes_an_empty_value_for_none() {
        let request = parse(&[(POOL[0], ""), (ADDRESSES[1], " ")], Some(""));
        assert_eq!(request, Ok(Request::default()));
    }

    #[test]
    fn accepts_two_ways_that_agree() {
        let request = parse(
            &[
                (ADDRESSES[0], "10.0.0.1,fd00::1"),
                (ADDRESSES[2], "fd00::1,10.0.0.1"),
            ],
            None,
        );
        assert_eq!(shown(&request.unwrap()), "- 10.0.0.1,fd00::1");
        assert!(
            parse(
                &[(ADDRESSES[0], "10.0.0.1"), (POOL[0], "a"), (POOL[2], "a")],
                Some("10.0.0.1")
            )
            .is_ok()
        );
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let cases = [
            (
                parse(&[(POOL[0], "a"), (POOL[1], "b")], None),
                "metadata.annotations[metallb.io/address-pool]: it differs from heraldlb.io/address-pool; \
                 keep one of the two",
            ),
            (
                parse(&[(ADDRESSES[0], "10.0.0.1")], Some("10.0.0.2")),
                "spec.loadBalancerIP: it differs from heraldlb.io/load-balancer-ips; keep one of the two",
            ),
            (
                parse(&[(ADDRESSES[1], "10.0.0.1,10.0.0.2")], None),
                "metadata.annotations[metallb.io/loadBalancerIPs]: \"10.0.0.1,10.0.0.2\" has two addresses \
                 of one family; write at most one IPv4 and one IPv6 address",
            ),
            (
                parse(&[], Some("ten")),
                "spec.loadBalancerIP: \"ten\" is no IP address; write one address, or an IPv4 and an IPv6 \
                 address with a comma between them",
            ),
        ];
        for (result, expected) in cases {
            assert_eq!(result.unwrap_err(), expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics(a in ".{0,40}", b in ".{0,40}", ip in proptest::option::of(".{0,40}")) {
            let _ = parse(&[(ADDRESSES[0], &a), (POOL[1], &b)], ip.as_deref());
        }
    }
}
