//! Case 1: a dual-stack Service gets its addresses, and the client fetches the page through both nodes.

use anyhow::{Result, ensure};
use e2e::case::host_route;
use e2e::node::NODES;
use e2e::workload::Families;
use e2e::{Case, Isolation, run};

#[test]
fn a_dual_stack_service_is_fetched_through_both_nodes() {
    run("dual-stack", Isolation::Shared, dual_stack);
}

async fn dual_stack(case: &Case) -> Result<()> {
    case.serve("web", &NODES).await?;
    let addresses = case.expose("web", "web", Families::Dual, false).await?;
    let [ipv4, ipv6] = addresses.as_slice() else {
        anyhow::bail!("two addresses expected: {addresses:?}");
    };
    let own = format!("10.20.{}.", case.ipv4(0).split('.').nth(2).unwrap());
    ensure!(
        ipv4.to_string().starts_with(&own),
        "{ipv4} is not of the case's pool"
    );
    ensure!(ipv6.is_ipv6(), "{ipv6} is no IPv6 address");
    for &address in &addresses {
        case.lab
            .router
            .await_route(&host_route(address), &NODES)
            .await?;
        let page = case.lab.client.await_page(address, "/").await?;
        ensure!(page.contains("Hello from web-"), "the page is {page:?}");
    }
    let ingress = case
        .service("web")
        .await?
        .status
        .unwrap()
        .load_balancer
        .unwrap()
        .ingress
        .unwrap();
    ensure!(
        ingress
            .iter()
            .all(|entry| entry.ip_mode.as_deref() == Some("VIP")),
        "ipMode: {ingress:?}"
    );
    case.await_service_condition("web", "heraldlb.io/Assigned", "True", "Assigned")
        .await?;
    Ok(())
}

#[test]
fn an_ipv6_service_is_fetched() {
    run("ipv6-only", Isolation::Shared, async |case: &Case| {
        case.serve("web", &NODES[..1]).await?;
        let addresses = case.expose("web", "web", Families::IPv6, false).await?;
        ensure!(addresses[0].is_ipv6(), "{addresses:?}");
        case.lab
            .router
            .await_route(&host_route(addresses[0]), &NODES)
            .await?;
        case.lab
            .client
            .await_page(addresses[0], "/hostname")
            .await?;
        Ok(())
    });
}

#[test]
fn a_service_gets_the_address_it_asks_for() {
    run(
        "explicit-address",
        Isolation::Shared,
        async |case: &Case| {
            let mut service = e2e::workload::load_balancer("web", "web", Families::IPv4, false);
            service["metadata"]["annotations"] =
                serde_json::json!({"heraldlb.io/load-balancer-ips": case.ipv4(77)});
            case.apply(service).await?;
            let addresses = case.await_addresses("web", 1).await?;
            ensure!(addresses[0].to_string() == case.ipv4(77), "{addresses:?}");
            case.await_service_condition(
                "web",
                "heraldlb.io/RequestSatisfied",
                "True",
                "Satisfied",
            )
            .await?;
            Ok(())
        },
    );
}
