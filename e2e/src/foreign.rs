//! The pod network of the flavour `NETWORK=other`: a plain CNI configuration and static routes.

use anyhow::Result;

use crate::docker::docker;
use crate::node::Node;
use crate::topology::container;

impl Node {
    /// Routes to the pods of another node.
    pub(crate) async fn route_pods(self, other: Self, ranges: &[String]) -> Result<()> {
        for range in ranges {
            let gateway = if range.contains(':') {
                other.ipv6
            } else {
                other.ipv4
            };
            self.machine
                .exec(&["ip", "route", "replace", range, "via", gateway])
                .await?;
        }
        Ok(())
    }

    /// A plain point-to-point pod network for the node's own ranges.
    pub(crate) async fn write_pod_network(self, own: &[String]) -> Result<()> {
        let ranges: Vec<_> = own
            .iter()
            .map(|range| serde_json::json!([{"subnet": range}]))
            .collect();
        let configuration = serde_json::json!({
            "cniVersion": "1.0.0",
            "name": "lab",
            "plugins": [{
                "type": "ptp",
                "ipMasq": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": ranges,
                    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
                },
            }],
        });
        let script = "mkdir -p /etc/cni/net.d && cat > /etc/cni/net.d/lab.part \
                      && mv /etc/cni/net.d/lab.part /etc/cni/net.d/10-lab.conflist";
        docker(["exec", "-i", &container(self.name())])
            .args(["bash", "-c", script])
            .input(configuration.to_string().into_bytes())
            .output()
            .await?;
        Ok(())
    }
}
