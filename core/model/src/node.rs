use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;

use crate::Meta;

/// What the rules need of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Name and labels (conditions are left empty).
    pub meta: Meta,
    /// `status.addresses` of type InternalIP, in order.
    pub internal_ips: Vec<IpAddr>,
    /// Every IP address in `status.addresses`: never given to a Service.
    pub addresses: Vec<IpAddr>,
    /// `spec.podCIDRs` (or `spec.podCIDR`).
    pub pod_cidrs: Vec<IpNet>,
    /// Condition NetworkUnavailable is True.
    pub network_unavailable: bool,
}

impl Node {
    /// Whether label `node.kubernetes.io/exclude-from-external-load-balancers` is set.
    pub fn excluded_from_load_balancers(&self) -> bool {
        self.meta.labels.contains_key("node.kubernetes.io/exclude-from-external-load-balancers")
    }
}
