//! A Service on the segment: who answers, who is told of it, and BGP beside it.

use anyhow::{Result, ensure};
use e2e::case::host_route;
use e2e::fetch::url;
use e2e::node::{FABRIC, W1, W3};
use e2e::segment::{self, GUEST, INTERFACE};
use e2e::workload::{self, Families};
use e2e::{Case, Isolation, run};

#[test]
fn one_node_answers_for_each_address_of_a_dual_stack_service() {
    run("segment-dual-stack", Isolation::Shared, dual_stack);
}

async fn dual_stack(case: &Case) -> Result<()> {
    case.announce_on_segment(|_| {}).await?;
    case.serve("web", &[W1, W3]).await?;
    let addresses = case
        .expose_on_segment("web", "web", Families::Dual, false)
        .await?;
    for (address, family) in addresses.into_iter().zip(["IPv4", "IPv6"]) {
        let page = GUEST.await_page(&url(address, 80, "/")).await?;
        ensure!(page.contains("Hello from web-"), "the page is {page:?}");
        let owner = segment::await_owner(address).await?;
        let words = [owner.name(), &address.to_string(), INTERFACE];
        case.await_event("web", "L2Owner", &words).await?;
        for node in FABRIC {
            let interface = (node == owner).then_some(INTERFACE);
            case.lab.await_listed(node, address, interface).await?;
        }
        let of_family = [
            &format!("interface=\"{INTERFACE}\""),
            &format!("family=\"{family}\""),
        ];
        for name in [
            "herald_l2_answered_requests_total",
            "herald_l2_gratuitous_sent_total",
        ] {
            owner
                .await_metric(name, &of_family.map(String::as_str), 1.0)
                .await?;
        }
        owner
            .await_metric("herald_l2_owned_addresses", &[], 1.0)
            .await?;
    }
    Ok(())
}

#[test]
fn an_address_is_announced_by_bgp_and_answered_on_the_segment_at_once() {
    run("segment-and-bgp", Isolation::Shared, async |case: &Case| {
        case.announce_on_segment(|_| {}).await?;
        let advertisement = workload::advertisement("segment-by-bgp", &case.segment_pool());
        case.apply(advertisement).await?;
        case.serve("web", &[W3]).await?;
        let addresses = case
            .expose_on_segment("web", "web", Families::Dual, false)
            .await?;
        for address in addresses {
            let route = host_route(address);
            case.lab.router.await_route(&route, &FABRIC).await?;
            segment::await_owner(address).await?;
            case.lab.client.await_page(address, "/").await?;
            GUEST.await_page(&url(address, 80, "/")).await?;
        }
        Ok(())
    });
}
