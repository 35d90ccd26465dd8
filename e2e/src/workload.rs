//! What the cases put into the cluster, as JSON objects.

use serde_json::{Value, json};

use crate::artifact::Image;
use crate::node::Node;

/// A pod of the lab's web server on `node`, labelled `app: APP`.
///
/// # Errors
/// When the image has not been made.
pub fn web_pod(name: &str, app: &str, node: Node) -> anyhow::Result<Value> {
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node.name()},
            "terminationGracePeriodSeconds": 2,
            "containers": [{
                "name": "web",
                "image": Image::made("web")?.tag,
                "imagePullPolicy": "Never",
                "ports": [{"containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
            }],
        },
    }))
}

/// Which address families a Service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 alone.
    IPv4,
    /// IPv6 alone.
    IPv6,
    /// Both.
    Dual,
}

impl Families {
    /// How many addresses a Service of these families gets.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::IPv4 | Self::IPv6 => 1,
            Self::Dual => 2,
        }
    }
}

/// A Service of type LoadBalancer for port 80 of the pods labelled `app: APP`.
#[must_use]
pub fn load_balancer(name: &str, app: &str, families: Families, local: bool) -> Value {
    let (policy, families) = match families {
        Families::IPv4 => ("SingleStack", json!(["IPv4"])),
        Families::IPv6 => ("SingleStack", json!(["IPv6"])),
        Families::Dual => ("RequireDualStack", json!(["IPv4", "IPv6"])),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": false,
            "externalTrafficPolicy": if local { "Local" } else { "Cluster" },
            "ipFamilyPolicy": policy,
            "ipFamilies": families,
            "selector": {"app": app},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    })
}

/// A pool that only Services of `namespace` may use.
#[must_use]
pub fn pool(name: &str, addresses: &[&str], namespace: &str) -> Value {
    json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "IPAddressPool",
        "metadata": {"name": name},
        "spec": {"addresses": addresses, "serviceAllocation": {"namespaces": [namespace]}},
    })
}

/// An advertisement of one pool to every peer.
#[must_use]
pub fn advertisement(name: &str, pool: &str) -> Value {
    json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "BGPAdvertisement",
        "metadata": {"name": name},
        "spec": {"ipAddressPools": [pool]},
    })
}

/// An advertisement of one pool by ARP and NDP on one interface of every node.
#[must_use]
pub fn l2_advertisement(name: &str, pool: &str, interface: &str) -> Value {
    json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "L2Advertisement",
        "metadata": {"name": name},
        "spec": {
            "ipAddressPools": [pool],
            "interfaces": [interface],
            "stabilityTime": "1s",
        },
    })
}

/// The router as a peer of some nodes alone.
#[must_use]
pub fn peer_of(name: &str, address: &str, nodes: &[Node]) -> Value {
    let names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
    let mut peer = peer(name, address);
    if let Some(spec) = peer.get_mut("spec").and_then(Value::as_object_mut) {
        let expression = json!({
            "key": "kubernetes.io/hostname",
            "operator": "In",
            "values": names,
        });
        spec.insert(
            "nodeSelectors".to_owned(),
            json!([{"matchExpressions": [expression]}]),
        );
    }
    peer
}

/// The pod network of a lab that has no other.
#[must_use]
pub fn pod_network() -> Value {
    json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "PodNetwork",
        "metadata": {"name": "default"},
        "spec": {
            "mode": "Network",
            "podCIDRs": crate::control_plane::POD_RANGES,
            "advertise": {"enabled": true, "localPref": 100},
            "routes": {"direct": true, "import": true},
            "egress": {"masquerade": true, "source": "Auto"},
            "cni": {"type": "PTP", "install": true},
        },
    })
}

/// The router as a peer, over the transport of `address` and for its family alone.
#[must_use]
pub fn peer(name: &str, address: &str) -> Value {
    let family = if address.contains(':') {
        "IPv6"
    } else {
        "IPv4"
    };
    json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "BGPPeer",
        "metadata": {"name": name},
        "spec": {
            "myASN": crate::router::NODE_ASN,
            "peerASN": crate::router::ASN,
            "peerAddress": address,
            "families": [family],
            "connectTime": "2s",
        },
    })
}
