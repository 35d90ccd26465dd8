//! Services and ports of nodes, as pods, nodes and the client reach them.

use std::net::IpAddr;

use anyhow::ensure;
use e2e::case::host_route;
use e2e::client::ADDRESSES;
use e2e::mesh::Mesh;
use e2e::mesh::service::{reach_host_port, reach_own_service};
use e2e::node::{W1, W3};
use e2e::workload::Families;
use e2e::{Case, Isolation, run};

#[test]
fn pods_reach_a_service_by_every_way_that_leads_to_it() {
    run("ways-to-service", Isolation::Shared, async |case: &Case| {
        let mesh = Mesh::deploy(case, "web").await?;
        mesh.reach_services(case).await
    });
}

#[test]
fn a_pod_reaches_itself_by_its_own_service() {
    run("own-service", Isolation::Shared, async |case: &Case| {
        reach_own_service(case, W1).await?;
        reach_own_service(case, W3).await
    });
}

#[test]
fn nodes_reach_pods_and_are_seen_with_their_own_address() {
    run("node-to-pod", Isolation::Shared, async |case: &Case| {
        let mesh = Mesh::deploy(case, "web").await?;
        mesh.reach_from_nodes(case).await
    });
}

#[test]
fn a_host_port_leads_to_its_pod_which_sees_who_asks() {
    run("host-port", Isolation::Shared, async |case: &Case| {
        reach_host_port(case, W1).await
    });
}

#[test]
fn the_client_reaches_a_local_service_and_is_seen_with_its_own_address() {
    run("client-to-local", Isolation::Shared, async |case: &Case| {
        case.serve("web", &[W3]).await?;
        let addresses = case.expose("web", "web", Families::Dual, true).await?;
        for (&address, client) in addresses.iter().zip(ADDRESSES) {
            let router = case.lab.router;
            router.await_route(&host_route(address), &[W3]).await?;
            let seen = case.lab.client.await_page(address, "/clientip").await?;
            let seen: IpAddr = seen.parse()?;
            ensure!(seen == client.parse::<IpAddr>()?, "the pod sees {seen}");
        }
        Ok(())
    });
}
