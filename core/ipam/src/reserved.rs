use core::net::IpAddr;

use ipnet::IpNet;
use model::Cluster;

use crate::set::AddressSet;

/// Addresses that no pool gives out, whatever it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reserved {
    nodes: AddressSet,
    pods: AddressSet,
    services: AddressSet,
    /// Service ranges are unknown: each clusterIP counts singly.
    singly: bool,
}

impl Reserved {
    /// What nodes, pods and Services of the cluster use themselves.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let mut reserved = Self::default();
        for node in cluster.nodes.values() {
            for address in &node.addresses {
                reserved.nodes.insert_address(*address);
            }
            for network in &node.pod_cidrs {
                reserved.pods.insert_network(network);
            }
        }
        // Whatever the mode: the ranges of nodes that nobody has seen yet are in there.
        let networks = cluster.pod_networks.values();
        for network in networks.filter_map(|object| object.value.as_ref().ok()) {
            for prefix in &network.pod_cidrs {
                if let Ok(network) = IpNet::new(prefix.address(), prefix.length()) {
                    reserved.pods.insert_network(&network);
                }
            }
        }
        for network in cluster.service_cidrs.values().flatten() {
            reserved.services.insert_network(network);
        }
        reserved.singly = cluster
            .service_cidrs
            .values()
            .all(alloc::vec::Vec::is_empty);
        if reserved.singly {
            for service in cluster.services.values() {
                for address in &service.cluster_ips {
                    reserved.services.insert_address(*address);
                }
            }
        }
        reserved
    }

    /// Notes a clusterIP; true when that is news.
    pub(crate) fn see_cluster_ip(&mut self, address: IpAddr) -> bool {
        let news = self.singly && !self.services.contains(address);
        if news {
            self.services.insert_address(address);
        }
        news
    }

    /// Whose the address is; `None`: it is not reserved.
    pub(crate) fn owner(&self, address: IpAddr) -> Option<&'static str> {
        if self.nodes.contains(address) {
            return Some("is an address of a node");
        }
        if self.pods.contains(address) {
            return Some("is in a range of pod addresses");
        }
        self.services
            .contains(address)
            .then_some("is in use for cluster IPs")
    }

    /// All sets.
    pub(crate) fn sets(&self) -> [&AddressSet; 3] {
        [&self.nodes, &self.pods, &self.services]
    }
}
