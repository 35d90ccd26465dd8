//! Heartbeats that somebody without the cluster's key sends under a node's name.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::node::{W1, W2, W3};
use e2e::segment::{self, Watch};
use e2e::workload::Families;
use e2e::{Case, Isolation, run};
use l2::heartbeat::{Advertising, Entry, Heartbeat, Page, digest};
use l2::{Key, KeyRing, Mac};

#[test]
fn heartbeats_with_another_key_are_reported_and_move_nothing() {
    run("segment-untrusted", Isolation::Shared, untrusted);
}

async fn untrusted(case: &Case) -> Result<()> {
    case.announce_on_segment(|_| {}).await?;
    case.serve("web", &[W1]).await?;
    let addresses = case
        .expose_on_segment("web", "web", Families::IPv4, false)
        .await?;
    let address = addresses[0];
    let owner = segment::await_owner(address).await?;
    let watch = Watch::start(&addresses).await?;
    // It claims the address, and is preferred to everybody.
    let entry = Entry {
        address,
        weight: u16::MAX,
        candidate: true,
        claimed: true,
        stable: true,
        on_subnet: true,
        advertising: Advertising::Unable,
    };
    let forged: Vec<Vec<u8>> = (1..=10).map(|sequence| forge(sequence, entry)).collect();
    for node in [W2, W3] {
        for to in node.segment {
            segment::send(to.parse()?, forged.clone()).await?;
        }
        let message = case
            .lab
            .await_l2_ready(node, "False", "UntrustedHeartbeats")
            .await?;
        ensure!(message.contains(W1.name()), "{message}");
        let dropped = "herald_l2_heartbeats_dropped_total";
        node.await_metric(dropped, &["reason=\"UnknownKey\""], 20.0)
            .await?;
    }
    ensure!(segment::await_owner(address).await? == owner);
    watch.stop().ensure_owners(address, &[owner])
}

fn forge(sequence: u64, entry: Entry) -> Vec<u8> {
    let heartbeat = Heartbeat {
        node: W1.name().into(),
        boot: 1,
        sequence,
        interval: Duration::from_millis(100),
        leaving: false,
        asking: false,
        macs: vec![Mac([2, 0, 0, 0, 0, 1])],
        heard: Vec::new(),
        digest: digest(&entry),
        count: 1,
        changes: vec![entry],
        page: Page {
            first: 0,
            last: u128::MAX,
            entries: vec![entry],
        },
    };
    let mut datagram = Vec::new();
    heartbeat.encode(&mut datagram);
    let mut keys = KeyRing::default();
    keys.handle_keys(Duration::ZERO, vec![Key::new([7; Key::LENGTH])]);
    assert!(keys.seal(Duration::ZERO, &mut datagram), "there is a key");
    datagram
}
