//! externalTrafficPolicy Local on the segment.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use e2e::fetch::url;
use e2e::node::{Node, W1, W2};
use e2e::segment::{self, GUEST, GUEST_ADDRESSES, Watch};
use e2e::workload::Families;
use e2e::{Case, Isolation, run};

#[test]
fn the_node_with_a_ready_endpoint_answers_and_without_one_nobody() {
    run("segment-local", Isolation::Shared, local);
}

async fn local(case: &Case) -> Result<()> {
    case.announce_on_segment(|_| {}).await?;
    case.serve("web", &[W1]).await?;
    let addresses = case
        .expose_on_segment("web", "web", Families::Dual, true)
        .await?;
    await_seen(&addresses, W1).await?;
    let watch = Watch::start(&addresses).await?;

    case.serve("web", &[W2]).await?;
    case.delete_pod("web-w1").await?;
    await_seen(&addresses, W2).await?;
    case.delete_pod("web-w2").await?;
    for &address in &addresses {
        segment::await_silence(address).await?;
    }
    let testimony = watch.stop();
    for &address in &addresses {
        testimony.ensure_owners(address, &[W1, W2])?;
    }

    // Back again with an endpoint.
    case.await_pod_gone("web-w1").await?;
    case.serve("web", &[W1]).await?;
    await_seen(&addresses, W1).await
}

/// Waits until this node alone answers, and its pod sees who asks.
async fn await_seen(addresses: &[IpAddr], node: Node) -> Result<()> {
    for (&address, guest) in addresses.iter().zip(GUEST_ADDRESSES) {
        segment::await_owner_among(address, &[node]).await?;
        let seen = GUEST.await_page(&url(address, 80, "/clientip")).await?;
        ensure!(
            seen.parse::<IpAddr>()? == guest.parse::<IpAddr>()?,
            "the pod sees {seen}"
        );
    }
    Ok(())
}
