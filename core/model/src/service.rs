use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{Meta, Name, Rejection, ServiceKey};

/// What the rules need of a Service of type LoadBalancer.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What a Service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Only this pool (`heraldlb.io/address-pool`).
    pub pool: Option<Name>,
    /// Exactly these addresses, at most one per family (`heraldlb.io/load-balancer-ips`,
    /// `spec.loadBalancerIP`); empty: any.
    pub addresses: Vec<IpAddr>,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(serde::Serialize, serde::Deserialize)]
pub enum AddressFamily {
    /// IPv4.
    IPv4,
    /// IPv6.
    IPv6,
}

/// `spec.ipFamilyPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(serde::Serialize, serde::Deserialize)]
pub enum TrafficPolicy {
    /// Any node forwards to any endpoint.
    #[default]
    Cluster,
    /// A node serves only its own endpoints, and the client's address stays.
    Local,
}

/// One port of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// `spec.ports[].protocol`.
    pub protocol: Protocol,
    /// `spec.ports[].port`.
    pub port: u16,
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Who wrote `status.loadBalancer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusOwner {
    /// Nobody: the list is empty.
    #[default]
    None,
    /// Field manager `herald-controller`.
    Ours,
    /// Somebody else.
    Foreign,
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
