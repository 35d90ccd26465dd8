mod request;
mod status;

use alloc::{string::String, vec::Vec};
use core::{fmt, net::IpAddr};

use k8s_openapi::api::core::v1;

pub use request::Request;
pub use status::{FIELD_MANAGER, StatusOwner};

use crate::{Condition, Meta, Name, Rejection, ServiceKey};

/// What the rules need of a Service of type LoadBalancer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Service {
    /// Namespace and name.
    pub key: ServiceKey,
    /// Metadata; `meta.conditions` are `status.conditions` of types that are ours.
    pub meta: Meta,
    /// `spec.loadBalancerClass`.
    pub class: Option<Name>,
    /// `spec.clusterIPs`; empty for a headless Service or before the API server assigned them.
    pub cluster_ips: Vec<IpAddr>,
    /// `spec.ipFamilies`, primary first.
    pub families: Vec<AddressFamily>,
    /// `spec.ipFamilyPolicy`.
    pub family_policy: FamilyPolicy,
    /// `spec.externalTrafficPolicy`.
    pub traffic_policy: TrafficPolicy,
    /// `spec.healthCheckNodePort`.
    pub health_check_node_port: Option<u16>,
    /// `spec.ports[]`, protocol and port.
    pub ports: Vec<Port>,
    /// What the user asks for by annotations and `spec.loadBalancerIP`, or why it makes no sense.
    pub request: Result<Request, Rejection>,
    /// `status.loadBalancer.ingress[].ip`, at most the first of each family.
    pub addresses: Vec<IpAddr>,
    /// Whose work `status.loadBalancer` is, from `metadata.managedFields`.
    pub status_owner: StatusOwner,
    /// Whether `status.loadBalancer.ingress` is in the form that we write (ip, `ipMode` VIP or
    /// absent, nothing else, no more than `addresses`).
    pub status_canonical: bool,
}

/// IPv4 or IPv6.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum AddressFamily {
    /// IPv4.
    IPv4,
    /// IPv6.
    IPv6,
}

/// `spec.ipFamilyPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FamilyPolicy {
    /// One family.
    #[default]
    SingleStack,
    /// Two where possible.
    PreferDualStack,
    /// Two.
    RequireDualStack,
}

/// `spec.externalTrafficPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum TrafficPolicy {
    /// Any node forwards to any endpoint.
    #[default]
    Cluster,
    /// A node serves only its own endpoints, and the client's address stays.
    Local,
}

/// One port of a Service.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Port {
    /// `spec.ports[].protocol`.
    pub protocol: Protocol,
    /// `spec.ports[].port`.
    pub port: u16,
}

/// Transport protocol of a port.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Service {
    /// Parses a Service; `None` without namespace or name.
    pub fn parse(object: &v1::Service) -> Option<Self> {
        let key = ServiceKey::parse(&object.metadata)?;
        let spec = object.spec.as_ref();
        let annotations = object.metadata.annotations.clone().unwrap_or_default();
        let status = object.status.as_ref();
        let ingress = status
            .and_then(|status| status.load_balancer.as_ref()?.ingress.as_deref())
            .unwrap_or_default();
        let addresses = status::parse_addresses(ingress);
        Some(Self {
            key,
            meta: Meta::parse(&object.metadata, parse_conditions(status)),
            class: spec
                .and_then(|spec| spec.load_balancer_class.as_deref())
                .map(Into::into),
            cluster_ips: spec.map(parse_cluster_ips).unwrap_or_default(),
            families: spec.map(parse_families).unwrap_or_default(),
            family_policy: FamilyPolicy::parse(spec.and_then(|s| s.ip_family_policy.as_deref())),
            traffic_policy: match spec.and_then(|s| s.external_traffic_policy.as_deref()) {
                Some("Local") => TrafficPolicy::Local,
                _ => TrafficPolicy::Cluster,
            },
            health_check_node_port: spec
                .and_then(|spec| u16::try_from(spec.health_check_node_port?).ok())
                .filter(|&port| port != 0),
            ports: spec.map(parse_ports).unwrap_or_default(),
            request: Request::parse(
                &annotations,
                spec.and_then(|spec| spec.load_balancer_ip.as_deref()),
            ),
            status_owner: StatusOwner::parse(
                ingress,
                object
                    .metadata
                    .managed_fields
                    .as_deref()
                    .unwrap_or_default(),
            ),
            status_canonical: status::is_canonical(ingress, &addresses),
            addresses,
        })
    }

    /// The condition of this type, where the status has it.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.meta
            .conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }

    /// Whether the rules of a speaker see the same: everything but resourceVersion, generation and
    /// what only the controller reads in the conditions.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let assigned = |service: &Self| {
            let condition = service.condition(crate::condition_type::ASSIGNED);
            condition.map(|condition| (condition.status, condition.since))
        };
        self.meta.same_identity(&other.meta)
            && assigned(self) == assigned(other)
            && self.class == other.class
            && self.cluster_ips == other.cluster_ips
            && self.families == other.families
            && self.family_policy == other.family_policy
            && self.traffic_policy == other.traffic_policy
            && self.health_check_node_port == other.health_check_node_port
            && self.ports == other.ports
            && self.request == other.request
            && self.addresses == other.addresses
            && self.status_owner == other.status_owner
            && self.status_canonical == other.status_canonical
    }
}

impl FamilyPolicy {
    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("PreferDualStack") => Self::PreferDualStack,
            Some("RequireDualStack") => Self::RequireDualStack,
            _ => Self::SingleStack,
        }
    }
}

/// Only our own: others may put anything there.
fn parse_conditions(status: Option<&v1::ServiceStatus>) -> Vec<Condition> {
    let all = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let ours = all
        .iter()
        .filter(|condition| condition.type_.starts_with("heraldlb.io/"));
    ours.map(Condition::parse_built_in).collect()
}

/// `None` marks a headless Service, which has no address to translate to.
fn parse_cluster_ips(spec: &v1::ServiceSpec) -> Vec<IpAddr> {
    let all = spec.cluster_ips.as_deref().unwrap_or_default();
    let texts = if all.is_empty() {
        spec.cluster_ip.as_slice()
    } else {
        all
    };
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The API server fills `ipFamilies`; the clusterIPs tell the same.
fn parse_families(spec: &v1::ServiceSpec) -> Vec<AddressFamily> {
    let listed = spec.ip_families.as_deref().unwrap_or_default();
    if listed.is_empty() {
        return parse_cluster_ips(spec)
            .into_iter()
            .map(AddressFamily::of)
            .collect();
    }
    let family = |text: &String| match text.as_str() {
        "IPv4" => Some(AddressFamily::IPv4),
        "IPv6" => Some(AddressFamily::IPv6),
        _ => None,
    };
    listed.iter().filter_map(family).collect()
}

fn parse_ports(spec: &v1::ServiceSpec) -> Vec<Port> {
    let port = |port: &v1::ServicePort| {
        let protocol = match port.protocol.as_deref() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some("SCTP") => Protocol::Sctp,
            Some(_) => return None,
        };
        Some(Port {
            protocol,
            port: u16::try_from(port.port).ok()?,
        })
    };
    spec.ports.iter().flatten().filter_map(port).collect()
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        })
    }
}

impl AddressFamily {
    /// The family of `address`.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::IPv4,
            IpAddr::V6(_) => Self::IPv6,
        }
    }
}

#[cfg(test)]
mod tests;
