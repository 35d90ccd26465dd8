//! The owner fails in every way, and the API server is away meanwhile.

use std::net::IpAddr;

use anyhow::Result;
use e2e::fetch::url;
use e2e::node::{Node, W1, W2, W3};
use e2e::segment::{self, GUEST, INTERFACE, Watch};
use e2e::workload::Families;
use e2e::{Case, Isolation, Network, run};

#[test]
fn another_node_takes_over_without_the_api_server_whatever_befalls_the_owner() {
    run("segment-failures", Isolation::Exclusive, failures);
}

async fn failures(case: &Case) -> Result<()> {
    case.announce_on_segment(|spec| segment::prefer(spec, &[W1, W2]))
        .await?;
    case.serve("web", &[W3]).await?;
    let addresses = case
        .expose_on_segment("web", "web", Families::Dual, false)
        .await?;
    await_owner(&addresses, W1).await?;
    let watch = Watch::start(&addresses).await?;
    case.lab.stop_api_server().await?;

    // Frozen; when it goes on it must not say a word before it knows who has the address now.
    W1.signal_speaker("STOP").await?;
    await_owner(&addresses, W2).await?;
    W1.signal_speaker("CONT").await?;
    await_owner(&addresses, W1).await?;

    W1.set_interface(INTERFACE, false).await?;
    await_owner(&addresses, W2).await?;
    W1.set_interface(INTERFACE, true).await?;
    W1.restore_addresses(Network::Herald).await?;
    await_owner(&addresses, W1).await?;

    segment::set_port(W1, false).await?;
    await_owner(&addresses, W2).await?;
    segment::set_port(W1, true).await?;
    await_owner(&addresses, W1).await?;

    W1.signal_speaker("KILL").await?;
    await_owner(&addresses, W2).await?;
    case.lab.start_api_server().await?;
    await_owner(&addresses, W1).await?;

    let testimony = watch.stop();
    for &address in &addresses {
        testimony.ensure_owners(address, &[W1, W2, W1, W2, W1, W2, W1, W2, W1])?;
    }
    case.lab.await_l2_ready(W1, "True", "Electing").await?;
    Ok(())
}

/// Waits until this node alone answers, and the page can be fetched.
async fn await_owner(addresses: &[IpAddr], node: Node) -> Result<()> {
    for &address in addresses {
        segment::await_owner_among(address, &[node]).await?;
        GUEST.await_page(&url(address, 80, "/")).await?;
    }
    Ok(())
}
