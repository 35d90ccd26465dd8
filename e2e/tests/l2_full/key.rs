//! The key of heartbeats is replaced.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::condition::Seen;
use e2e::herald::NAMESPACE;
use e2e::node::FABRIC;
use e2e::segment::{self, Watch};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams};

use crate::scene::{self, OWNER};

const SECRET: &str = "herald-heartbeat";
/// Identifier and tag of the key at a datagram's end.
const TRAILER: (usize, usize) = (36, 4);

#[test]
fn a_deleted_key_is_replaced_and_no_owner_changes() {
    run("segment-key", Isolation::Exclusive, async |case: &Case| {
        let addresses = scene::start(case).await?;
        let watch = Watch::start(&addresses).await?;
        let secrets: Api<Secret> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
        let before = secrets.get(SECRET).await?.data;
        let signed_before = signers().await?;
        let refused_before = refused().await?;
        secrets.delete(SECRET, &DeleteParams::default()).await?;
        let sentence = "the controller has made a new key";
        await_condition(sentence, Duration::from_secs(150), async || {
            let found = secrets.get_opt(SECRET).await?;
            let made = found.is_some_and(|secret| secret.data != before);
            Ok(Seen::when(made, ()))
        })
        .await?;
        let sentence = "every node signs with the new key alone";
        await_condition(sentence, Duration::from_secs(120), async || {
            let signed = signers().await?;
            let new = signed.len() == 1 && signed != signed_before;
            Ok(Seen::when(new, signed))
        })
        .await?;
        let testimony = watch.stop();
        for &address in &addresses {
            testimony.ensure_owners(address, &[OWNER])?;
        }
        let refused = refused().await?;
        ensure!(refused == refused_before, "nodes refused {refused:?}");
        Ok(())
    });
}

/// How many heartbeats each node has refused as signed with a key that it does not know.
async fn refused() -> Result<Vec<f64>> {
    let mut refused = Vec::new();
    for node in FABRIC {
        let name = "herald_l2_heartbeats_dropped_total";
        refused.push(node.metric(name, &["reason=\"UnknownKey\""]).await?);
    }
    Ok(refused)
}

/// The identifiers of the keys that heartbeats are signed with now: of enough of them that each node is among them.
async fn signers() -> Result<Vec<Vec<u8>>> {
    let heard = segment::hear(12).await?;
    let mut signers: Vec<Vec<u8>> = heard
        .iter()
        .map(|datagram| {
            let (trailer, length) = TRAILER;
            let at = datagram.len().checked_sub(trailer).context("too short")?;
            Ok(datagram[at..at + length].to_vec())
        })
        .collect::<Result<_>>()?;
    signers.sort();
    signers.dedup();
    Ok(signers)
}
