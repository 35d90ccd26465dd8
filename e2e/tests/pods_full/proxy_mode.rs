//! kube-proxy in iptables mode.

use anyhow::Result;
use e2e::boot::ProxyMode;
use e2e::mesh::Mesh;
use e2e::mesh::outside::SeenAs;
use e2e::mesh::service::{reach_host_port, reach_own_service};
use e2e::node::{FABRIC, W1};
use e2e::{Case, Isolation, run};

#[test]
fn pods_reach_everything_beside_kube_proxy_in_iptables_mode() {
    run(
        "iptables-mode",
        Isolation::Exclusive,
        async |case: &Case| {
            set_mode(ProxyMode::Iptables).await?;
            let result = reach(case).await;
            set_mode(ProxyMode::Nftables).await?;
            result
        },
    );
}

async fn reach(case: &Case) -> Result<()> {
    let mesh = Mesh::deploy(case, "web").await?;
    mesh.see_each_other().await?;
    mesh.reach_services(case).await?;
    mesh.reach_from_nodes(case).await?;
    reach_own_service(case, W1).await?;
    reach_host_port(case, W1).await?;
    mesh.await_seen_outside(SeenAs::Node).await
}

async fn set_mode(mode: ProxyMode) -> Result<()> {
    for node in FABRIC {
        node.restart_proxy(mode).await?;
    }
    Ok(())
}
