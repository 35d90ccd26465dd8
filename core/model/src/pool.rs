use alloc::{format, vec::Vec};

use crate::{AddressRange, Condition, Meta, Name, Parsed, Rejection, Selectors};

/// An IPAddressPool's spec, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pool {
    /// Ranges in the order written; none overlaps another.
    pub ranges: Vec<AddressRange>,
    /// Whether Services that name no pool may get an address from here.
    pub auto_assign: bool,
    /// Whether IPv4 addresses ending in .0 and .255 are skipped.
    pub avoid_buggy_ips: bool,
    /// Who may use the pool; `None`: every Service.
    pub allocation: Option<Allocation>,
    /// `status` counts as last seen.
    pub counts: PoolCounts,
}

/// `spec.serviceAllocation`, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Allocation {
    /// Lower first; `None` (0 or absent in the object) last.
    pub priority: Option<u32>,
    /// Namespaces by name.
    pub namespaces: Vec<Name>,
    /// Namespaces by label.
    pub namespace_selectors: Selectors,
    /// Services by label.
    pub service_selectors: Selectors,
}

/// `status` counts of an IPAddressPool, saturating at 2^63-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PoolCounts {
    /// IPv4 addresses held by Services.
    pub assigned_ipv4: i64,
    /// IPv4 addresses that may still be given out.
    pub available_ipv4: i64,
    /// IPv6 addresses held by Services.
    pub assigned_ipv6: i64,
    /// IPv6 addresses that may still be given out.
    pub available_ipv6: i64,
}

/// As many as the API server accepts.
const MOST_RANGES: usize = 256;

impl Pool {
    /// Parses an IPAddressPool.
    pub fn parse(object: &crds::IPAddressPool) -> Parsed<Self> {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        Parsed {
            meta: Meta::parse(&object.metadata, conditions.map(Condition::parse).collect()),
            value: Self::parse_spec(&object.spec).map(|pool| Self {
                counts: PoolCounts::parse(object),
                ..pool
            }),
        }
    }

    /// Whether the spec is the same, whatever the status says.
    pub fn same_spec(&self, other: &Self) -> bool {
        self.ranges == other.ranges
            && self.auto_assign == other.auto_assign
            && self.avoid_buggy_ips == other.avoid_buggy_ips
            && self.allocation == other.allocation
    }

    fn parse_spec(spec: &crds::IPAddressPoolSpec) -> Result<Self, Rejection> {
        Ok(Self {
            ranges: parse_ranges(&spec.addresses)?,
            auto_assign: spec.auto_assign,
            avoid_buggy_ips: spec.avoid_buggy_ips,
            allocation: spec
                .service_allocation
                .as_ref()
                .map(Allocation::parse)
                .transpose()?,
            counts: PoolCounts::default(),
        })
    }
}

impl PoolCounts {
    fn parse(object: &crds::IPAddressPool) -> Self {
        object
            .status
            .as_ref()
            .map_or_else(Self::default, |status| Self {
                assigned_ipv4: status.assigned_ipv4,
                available_ipv4: status.available_ipv4,
                assigned_ipv6: status.assigned_ipv6,
                available_ipv6: status.available_ipv6,
            })
    }
}

impl Allocation {
    fn parse(spec: &crds::ServiceAllocation) -> Result<Self, Rejection> {
        let field = |name| format!("spec.serviceAllocation.{name}");
        let priority = u32::try_from(spec.priority).map_err(|_| {
            Rejection::new(
                field("priority"),
                format!("{} is negative", spec.priority),
                "use 1 or more, lower is tried first; 0 comes last",
            )
        })?;
        Ok(Self {
            priority: Some(priority).filter(|&priority| priority != 0),
            namespaces: spec
                .namespaces
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            namespace_selectors: Selectors::parse(
                &field("namespaceSelectors"),
                &spec.namespace_selectors,
            )?,
            service_selectors: Selectors::parse(
                &field("serviceSelectors"),
                &spec.service_selectors,
            )?,
        })
    }
}

fn parse_ranges(texts: &[alloc::string::String]) -> Result<Vec<AddressRange>, Rejection> {
    if texts.is_empty() || texts.len() > MOST_RANGES {
        return Err(Rejection::new(
            "spec.addresses",
            format!("there are {} ranges", texts.len()),
            format!("list between 1 and {MOST_RANGES}"),
        ));
    }
    let mut ranges: Vec<AddressRange> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("spec.addresses[{index}]");
        let range = AddressRange::parse(&field, text)?;
        if let Some((other, _)) = ranges
            .iter()
            .enumerate()
            .find(|(_, other)| other.overlaps(&range))
        {
            return Err(Rejection::new(
                field,
                format!("\"{text}\" overlaps spec.addresses[{other}]"),
                "list every address once",
            ));
        }
        ranges.push(range);
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    fn parse(spec: &str) -> Result<Pool, String> {
        let spec = serde_yaml_ng::from_str(spec).unwrap();
        Pool::parse(&crds::IPAddressPool::new("a", spec))
            .value
            .map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn has_the_documented_defaults() {
        let pool = parse("{addresses: [10.0.0.0/24]}").unwrap();
        assert!(pool.auto_assign && !pool.avoid_buggy_ips && pool.allocation.is_none());
    }

    #[test]
    fn keeps_ranges_of_both_families_in_order() {
        let pool = parse("{addresses: [10.9.0.0/24, 'fd00::/64', 10.0.0.5-10.0.0.9]}").unwrap();
        let shown: Vec<_> = pool.ranges.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "10.9.0.0-10.9.0.255",
                "fd00::-fd00::ffff:ffff:ffff:ffff",
                "10.0.0.5-10.0.0.9"
            ]
        );
    }

    #[test]
    fn priority_zero_is_no_priority() {
        let with = |priority: &str| {
            let spec = format!("{{addresses: [10.0.0.0/24], serviceAllocation: {{{priority}}}}}");
            parse(&spec).map(|pool| pool.allocation.unwrap().priority)
        };
        assert_eq!(with(""), Ok(None));
        assert_eq!(with("priority: 0"), Ok(None));
        assert_eq!(with("priority: 7"), Ok(Some(7)));
        assert_eq!(
            with("priority: -1").unwrap_err(),
            "spec.serviceAllocation.priority: -1 is negative; use 1 or more, lower is tried first; 0 \
             comes last"
        );
    }

    #[test]
    fn refuses_bad_specs_with_a_sentence() {
        let many = (0..257)
            .map(|i| format!("10.{}.{}.0/24", i / 256, i % 256))
            .collect::<Vec<_>>()
            .join(", ");
        let cases = [
            ("{addresses: []}".into(), "spec.addresses: there are 0 ranges; list between 1 and 256"),
            (
                format!("{{addresses: [{many}]}}"),
                "spec.addresses: there are 257 ranges; list between 1 and 256",
            ),
            (
                "{addresses: [10.0.0.0/24, 10.1.0.0/24, 10.0.0.9-10.0.1.4]}".into(),
                "spec.addresses[2]: \"10.0.0.9-10.0.1.4\" overlaps spec.addresses[0]; list every address \
                 once",
            ),
            (
                "{addresses: [10.0.0.0/24], serviceAllocation: {serviceSelectors: [{matchExpressions: \
                 [{key: a, operator: Gt}]}]}}"
                    .into(),
                "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator: \"Gt\" is no \
                 operator; use In, NotIn, Exists or DoesNotExist",
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(parse(&spec).unwrap_err(), expected);
        }
    }

    #[test]
    fn reads_metadata_and_conditions() {
        let object = serde_yaml_ng::from_str(
            "{apiVersion: heraldlb.io/v1alpha1, kind: IPAddressPool, metadata: {name: a, uid: u, \
             generation: 3, resourceVersion: '7', creationTimestamp: '1970-01-01T00:01:00Z', labels: \
             {x: y}}, spec: {addresses: [10.0.0.0/24]}, status: {assignedIPv4: 4, conditions: [{type: \
             Accepted, status: 'True', observedGeneration: 3, lastTransitionTime: \
             '1970-01-01T00:02:00Z', reason: Accepted, message: m}]}}",
        )
        .unwrap();
        let meta = Pool::parse(&object).meta;
        assert_eq!(
            (
                &*meta.name,
                &*meta.uid,
                meta.generation,
                &*meta.resource_version
            ),
            ("a", "u", 3, "7")
        );
        assert_eq!((meta.created.0, meta.labels.len()), (60, 1));
        let expected = Condition::new("Accepted", true, "Accepted", "m", 3);
        assert!(meta.conditions[0].same(&expected));
        assert_eq!(meta.conditions[0].since.unwrap().0, 120);
        assert_eq!(Pool::parse(&object).value.unwrap().counts.assigned_ipv4, 4);
    }
}
