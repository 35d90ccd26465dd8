use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use model::{AddressFamily, ServiceKey};

use crate::NodeAddresses;

/// Port of kube-proxy's `/healthz` (`--healthz-bind-address`).
const KUBE_PROXY_PORT: u16 = 10256;

/// Something on this node that tells whether kube-proxy is ready.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeTarget {
    /// kube-proxy as a whole, asked until it has been good once.
    KubeProxy,
    /// `spec.healthCheckNodePort` of a Service.
    HealthCheck {
        /// The Service.
        service: ServiceKey,
        /// Family of the address that waits.
        family: AddressFamily,
        /// `spec.healthCheckNodePort`.
        port: u16,
    },
}

/// One `GET /healthz` that the driver is asked to do, with an answer to [`crate::Planner::handle_probe`] in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Goes back with the outcome.
    pub target: ProbeTarget,
    /// Addresses of this node, to be tried in order until one answers.
    pub addresses: Vec<IpAddr>,
    /// TCP port.
    pub port: u16,
}

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Status 200.
    Ready,
    /// Another status.
    NotReady,
    /// No HTTP answer.
    NoAnswer,
}

impl ProbeTarget {
    /// The request for this target, sent to one of the node's `own` addresses.
    pub(crate) fn probe(self, own: NodeAddresses) -> Probe {
        let v4 = own.ipv4.map(IpAddr::V4);
        let v6 = own.ipv6.map(IpAddr::V6);
        let (port, first, second) = match &self {
            Self::HealthCheck {
                port,
                family: AddressFamily::IPv6,
                ..
            } => (*port, v6, v4),
            Self::HealthCheck {
                port,
                family: AddressFamily::IPv4,
                ..
            } => (*port, v4, v6),
            Self::KubeProxy => (KUBE_PROXY_PORT, v4, v6),
        };
        let loopback = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let addresses = [first, second, loopback].into_iter().flatten().collect();
        Probe {
            target: self,
            addresses,
            port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_the_node_in_the_family_of_the_address_first() {
        let own = NodeAddresses {
            ipv4: Some(Ipv4Addr::new(192, 0, 2, 1)),
            ipv6: Some("2001:db8::1".parse().unwrap()),
        };
        let target = ProbeTarget::HealthCheck {
            service: ServiceKey::new("default", "web"),
            family: AddressFamily::IPv6,
            port: 30000,
        };
        let probe = target.probe(own);
        let first = probe.addresses.first().copied();
        assert_eq!(
            (first, probe.port),
            (Some("2001:db8::1".parse().unwrap()), 30000)
        );
    }
}
