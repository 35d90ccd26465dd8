//! The segment falls apart and heals; or only heartbeats do not pass.

use anyhow::ensure;
use e2e::node::FABRIC;
use e2e::segment::{self, Watch};
use e2e::{Case, Isolation, run};

use crate::scene::{self, NEXT, OWNER, SERVER};

#[test]
fn each_side_of_a_parted_segment_has_an_owner_and_the_healed_one_a_single_one() {
    run(
        "segment-parted",
        Isolation::Exclusive,
        async |case: &Case| {
            let addresses = scene::start(case).await?;
            let watch = Watch::start(&addresses).await?;
            segment::part(OWNER).await?;
            scene::await_owner(&addresses, NEXT).await?;
            segment::join().await?;
            scene::await_owner(&addresses, OWNER).await?;
            // The other one has noticed too.
            let outranked = ["change=\"lost\"", "reason=\"Outranked\""];
            NEXT.await_metric("herald_l2_owner_changes_total", &outranked, 2.0)
                .await?;
            let testimony = watch.stop();
            for &address in &addresses {
                testimony.ensure_owners(address, &[OWNER, NEXT, OWNER])?;
            }
            Ok(())
        },
    );
}

/// Heartbeats are dropped where they arrive: their sender does not notice.
const DEAF: &str = "nft add table inet e2e; \
                    nft add chain inet e2e heartbeats '{ type filter hook input priority -10; }'; \
                    nft add rule inet e2e heartbeats udp dport 7903 drop";

#[test]
fn an_owner_whose_heartbeats_alone_do_not_pass_goes_on_as_the_only_one() {
    run("segment-deaf", Isolation::Exclusive, async |case: &Case| {
        let addresses = scene::start(case).await?;
        let watch = Watch::start(&addresses).await?;
        let mut before = Vec::new();
        for node in FABRIC {
            before.push(node.metric("herald_l2_owner_alive_total", &[]).await?);
        }
        for node in FABRIC {
            node.machine.exec(&["bash", "-ec", DEAF]).await?;
        }
        // Both others have asked the segment about both addresses, more than once.
        for (node, before) in FABRIC.into_iter().zip(before) {
            if node != OWNER {
                node.await_metric("herald_l2_owner_alive_total", &[], before + 4.0)
                    .await?;
            }
        }
        scene::await_owner(&addresses, OWNER).await?;
        for node in FABRIC {
            let undo = ["nft", "delete", "table", "inet", "e2e"];
            node.machine.exec(&undo).await?;
        }
        for node in [NEXT, SERVER] {
            let name = "herald_l2_addresses";
            node.await_metric(name, &["standing=\"NotOwner\""], 2.0)
                .await?;
        }
        let testimony = watch.stop();
        for &address in &addresses {
            testimony.ensure_owners(address, &[OWNER])?;
        }
        ensure!(OWNER.metric("herald_l2_owned_addresses", &[]).await? >= 2.0);
        Ok(())
    });
}
