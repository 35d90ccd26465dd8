//! Case 5: sessions that break heal by themselves, say why they broke, and leave the others alone.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::case::host_route;
use e2e::condition::Seen;
use e2e::herald::{NAMESPACE, PEERS};
use e2e::node::NODES;
use e2e::router::{ADDRESSES, Session};
use e2e::workload::{self, Families};
use e2e::{Case, Isolation, await_condition, run};
use serde_json::{Value, json};

#[test]
fn a_restarted_router_gets_its_routes_back() {
    run(
        "router-restart",
        Isolation::Exclusive,
        async |case: &Case| {
            case.serve("web", &NODES).await?;
            let address = case.expose("web", "web", Families::IPv4, false).await?[0];
            case.lab
                .router
                .await_route(&host_route(address), &NODES)
                .await?;
            case.lab.router.restart().await?;
            case.lab.await_sessions().await?;
            case.lab
                .router
                .await_route(&host_route(address), &NODES)
                .await?;
            case.lab.client.await_page(address, "/").await?;
            Ok(())
        },
    );
}

#[test]
fn a_wrong_password_is_told_and_the_right_one_heals_and_may_change() {
    run("md5-password", Isolation::Exclusive, password);
}

async fn password(case: &Case) -> Result<()> {
    let (router, node) = (case.lab.router, NODES[0]);
    let untouched = router.session(node.ipv6).await?;
    for peer in NODES {
        router.set_password(peer.ipv4, Some("right")).await?;
    }
    case.apply(secret(case, "wrong")).await?;
    case.lab.cluster.apply_value(&guarded_peer(case)).await?;
    let told = await_told(case, |error| !error.is_empty()).await?;
    ensure!(
        !told.contains("right") && !told.contains("wrong"),
        "a password is shown: {told}"
    );
    let session = router.session(node.ipv4).await?;
    ensure!(session.state != "Established", "{session:?}");

    case.apply(secret(case, "right")).await?;
    for peer in NODES {
        router.await_session(peer.ipv4, true).await?;
    }
    let guarded = router.session(node.ipv4).await?;
    for peer in NODES {
        router.set_password(peer.ipv4, Some("newer")).await?;
    }
    case.apply(secret(case, "newer")).await?;
    await_new_session(case, &guarded).await?;
    let other = router.session(node.ipv6).await?;
    ensure!(
        other.established == untouched.established,
        "{other:?} was {untouched:?}"
    );
    Ok(())
}

fn secret(case: &Case, password: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": case.name, "namespace": NAMESPACE},
        "stringData": {"password": password},
    })
}

fn guarded_peer(case: &Case) -> Value {
    let mut peer = workload::peer(PEERS[0], ADDRESSES[0]);
    peer["spec"]["passwordSecret"] = json!({"name": case.name});
    peer
}

/// Waits until the SpeakerState of the first node shows a last error of the IPv4 session that `fits`.
async fn await_told(case: &Case, fits: impl Fn(&str) -> bool) -> Result<String> {
    await_condition(
        "SpeakerState says what is wrong",
        Duration::from_secs(90),
        async || {
            let session = case.lab.session_status(NODES[0], PEERS[0]).await?;
            let down = session.filter(|session| session.state != "Established");
            let error = down
                .and_then(|session| session.last_error)
                .unwrap_or_default();
            Ok(Seen::when(fits(&error), error))
        },
    )
    .await
}

#[test]
fn a_new_peer_leaves_the_sessions_alone_that_are_there() {
    run("new-peer", Isolation::Shared, async |case: &Case| {
        let router = case.lab.router;
        let mut before = Vec::new();
        for address in NODES.iter().flat_map(|node| [node.ipv4, node.ipv6]) {
            before.push((address, router.session(address).await?));
        }
        // Nobody answers there.
        case.apply(workload::peer(&case.name, "10.1.0.98")).await?;
        for node in NODES {
            let sentence = format!("{} dials the new peer", node.name());
            await_condition(&sentence, Duration::from_secs(60), async || {
                let page = case.lab.debug_page(node).await?;
                let sessions = page["sessions"].as_array().into_iter().flatten();
                let dialled = sessions
                    .filter(|session| session["peer"] == case.name.as_str())
                    .any(|session| session["lastError"].is_string());
                Ok(Seen::when(dialled, page["sessions"].clone()))
            })
            .await?;
        }
        for (address, before) in before {
            let still = router.session(address).await?;
            ensure!(
                still.established == before.established,
                "{address}: {still:?} was {before:?}"
            );
        }
        Ok(())
    });
}

/// Waits until the first node has another IPv4 session with the router than the one that was there before.
pub(crate) async fn await_new_session(case: &Case, before: &Session) -> Result<()> {
    let router = case.lab.router;
    await_condition("a new session is up", Duration::from_secs(90), async || {
        let session = router.session(NODES[0].ipv4).await?;
        let new = session.state == "Established" && session.established > before.established;
        Ok(Seen::when(new, session))
    })
    .await
    .map(drop)
}

#[test]
fn an_edited_peer_is_dialled_anew_and_the_other_is_not() {
    run("edited-peer", Isolation::Exclusive, async |case: &Case| {
        let router = case.lab.router;
        let (before, untouched) = (
            router.session(NODES[0].ipv4).await?,
            router.session(NODES[0].ipv6).await?,
        );
        let mut peer = workload::peer(PEERS[0], ADDRESSES[0]);
        peer["spec"]["peerASN"] = 65999.into();
        case.lab.cluster.apply_value(&peer).await?;
        // The router's AS number, which is not the one that was asked for.
        await_told(case, |error| error.contains("65000")).await?;

        case.lab.apply_peers().await?;
        let healed = router.await_session(NODES[0].ipv4, true).await?;
        ensure!(
            healed.established > before.established,
            "{healed:?} was {before:?}"
        );
        let other = router.session(NODES[0].ipv6).await?;
        ensure!(
            other.established == untouched.established,
            "{other:?} was {untouched:?}"
        );
        Ok(())
    });
}
