//! The containers and links of the lab, as containerlab deploys and destroys them.

use std::path::Path;

use anyhow::Result;

use crate::artifact::{self, Image, cache, program};
use crate::command::Command;
use crate::docker::{docker, import};
use crate::network::Network;
use crate::state;

/// Prefix of everything in the lab that has a name on this machine.
pub(crate) const NAME: &str = "herald-lab";
/// The bridge of the management network.
const BRIDGE: &str = "br-herald-lab";
/// The management network, which joins control plane, nodes and this machine.
const SUBNET: &str = "172.20.179.0/24";
/// The control plane's address on the management network.
pub(crate) const CONTROL_PLANE: &str = "172.20.179.10";

/// The container of a topology node.
pub(crate) fn container(node: &str) -> String {
    format!("{NAME}-{node}")
}

/// Creates containers and links; addresses and the router come up with them.
pub(crate) async fn deploy(network: Network) -> Result<()> {
    let node_image = image("HERALD_NODE_IMAGE", "node").await?;
    let router_image = image("HERALD_ROUTER_IMAGE", "router").await?;
    let bin = state::folder().join("bin");
    std::fs::create_dir_all(&bin)?;
    for name in [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "pod",
    ] {
        let link = bin.join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(program(name)?, link)?;
    }
    containerlab("deploy", network)
        .env("HERALD_NODE_IMAGE", node_image)
        .env("HERALD_ROUTER_IMAGE", router_image)
        .env("HERALD_LAB_BIN", bin)
        .output()
        .await?;
    Ok(())
}

/// Removes containers, network, bridge and namespace names, whichever are there.
pub(crate) async fn remove() -> Result<()> {
    let containers = listed(&["ps", "-aq", "--filter", "label=containerlab=herald-lab"]).await?;
    if !containers.is_empty() {
        docker(["rm", "-f", "-v"])
            .args(&containers)
            .output()
            .await?;
    }
    if !listed(&["network", "ls", "-q", "--filter", "name=^herald-lab$"])
        .await?
        .is_empty()
    {
        docker(["network", "rm", NAME]).output().await?;
    }
    remove_traces().await
}

/// Removes what a killed engine or deployment leaves on the machine itself.
pub(crate) async fn remove_traces() -> Result<()> {
    if Path::new("/sys/class/net").join(BRIDGE).exists() {
        Command::new("ip")
            .args(["link", "delete", BRIDGE])
            .output()
            .await?;
    }
    for folder in ["/run/netns", "/var/run/netns"] {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(NAME) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

async fn listed(arguments: &[&str]) -> Result<Vec<String>> {
    let output = docker(arguments).output().await?;
    Ok(output.lines().map(str::to_owned).collect())
}

/// The image that the user named in `variable`, or our own.
async fn image(variable: &str, name: &str) -> Result<String> {
    if let Ok(named) = std::env::var(variable) {
        return Ok(named);
    }
    let image = Image::made(name)?;
    import(&image).await?;
    Ok(image.tag)
}

fn containerlab(verb: &str, network: Network) -> Command {
    let root = artifact::root();
    Command::new(root.join("tools/with-proc-modules"))
        .arg(cache().join("bin/containerlab"))
        .arg(verb)
        .arg("--topo")
        .arg(root.join("e2e/topologies").join(network.topology()))
        .args(["--reconfigure", "--log-level", "warn"])
        .env("CLAB_LABDIR_BASE", state::folder())
        .env("CLAB_VERSION_CHECK", "disable")
        .env("HERALD_LAB_STATE", state::folder())
        .env("HERALD_LAB_SUBNET", SUBNET)
        .env("HERALD_LAB_CONTROL_PLANE", CONTROL_PLANE)
}
