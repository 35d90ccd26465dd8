//! Peers that send what they should not.

mod table;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{Asns, Desired, DesiredPeer, ExaBgp, Network, Speaker};

use crate::cell::Cell;
use crate::raw_peer::{ASN, RawPeer, open};
use crate::scene::{DEADLINE, Scene, program, routes};

pub(crate) use table::{Case, table};
use table::{Effect, When};

/// Our driver dials the raw peer, each case on a loopback address of its own.
pub(crate) async fn from_raw_peer(case: Case) -> Result<()> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let address = Ipv4Addr::new(127, 77, 0, NEXT.fetch_add(1, Ordering::Relaxed));
    let network = Network::create()?;
    let listener = RawPeer::listen(address).await?;
    let command = std::process::Command::new(program());
    let mut speaker = Speaker::start(command, network.folder())?;
    speaker.apply(&desired(listener.local_addr()?)).await?;
    let play = async {
        let mut peer = RawPeer::accept(&listener).await?;
        play(&mut peer, &case).await?;
        await_counted(&mut speaker, case.effect).await
    };
    let result = tokio::time::timeout(DEADLINE, play)
        .await
        .context("in time")
        .flatten();
    result.with_context(|| network.logs(20))
}

async fn play(peer: &mut RawPeer, case: &Case) -> Result<()> {
    match case.when {
        When::OpenSent => {}
        When::OpenConfirm => peer.send(&open(4, ASN, 90, [10, 0, 9, 2])).await?,
        When::Established => peer.establish().await?,
    }
    peer.send(&case.bytes).await?;
    match case.effect {
        Effect::Stays | Effect::Withdraws | Effect::Discards => peer.ask_for_routes().await,
        Effect::Ends(code, subcode) => {
            let (notified, wanted) = (peer.notification().await?, (code, subcode));
            ensure!(
                notified == wanted,
                "NOTIFICATION {notified:?} instead of {wanted:?}"
            );
            Ok(())
        }
    }
}

/// Waits until our side has counted what it should have noticed, and nothing else.
async fn await_counted(speaker: &mut Speaker, effect: Effect) -> Result<()> {
    let wanted = match effect {
        Effect::Stays => Some((0, 0)),
        Effect::Withdraws => Some((1, 0)),
        Effect::Discards => Some((0, 1)),
        Effect::Ends(..) => None,
    };
    let Some(wanted) = wanted else {
        return Ok(());
    };
    await_condition(
        "the UPDATE is counted",
        Duration::from_secs(10),
        async || {
            let session = speaker.session("raw").await?;
            let counted = (session.treated_as_withdraw, session.attributes_discarded);
            Ok(Seen::when(
                session.updates_received == 1 && counted == wanted,
                session,
            ))
        },
    )
    .await
    .map(drop)
}

fn desired(peer: SocketAddr) -> Desired {
    let asns = Asns {
        local: 65000,
        remote: ASN.into(),
    };
    let raw = DesiredPeer {
        port: peer.port(),
        ..DesiredPeer::new("raw", peer.ip(), asns, "10.0.9.1")
    };
    Desired {
        peers: vec![raw],
        routes: routes(),
        ..Desired::default()
    }
}

/// The same from a real daemon: the session outlives attributes that only cost their routes.
pub(crate) async fn from_exabgp() -> Result<()> {
    let mut scene = Scene::<ExaBgp>::set(Cell::default(), 9).await?;
    let result = broken_attributes(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn broken_attributes(scene: &mut Scene<ExaBgp>) -> Result<()> {
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_established().await?;
    scene.await_routes().await?;
    // MED with wrong flags, MED, communities and large communities of wrong length: treat-as-withdraw each.
    let broken = [
        "attribute [ 0x04 0x40 0x00000064 ]",
        "attribute [ 0x04 0x80 0x000064 ]",
        "attribute [ 0x08 0xc0 0x000064 ]",
        "attribute [ 0x20 0xc0 0x00000064 ]",
    ];
    for (number, attribute) in broken.iter().enumerate() {
        let route = format!("announce route 203.0.113.{number}/32 next-hop 10.77.0.2 {attribute}");
        scene.peer()?.command(&route)?;
    }
    await_condition("all are treated as withdrawn", DEADLINE, async || {
        let ours = scene.session().await?;
        Ok(Seen::when(
            ours.treated_as_withdraw == broken.len() as u64,
            ours,
        ))
    })
    .await?;
    let ours = scene.session().await?;
    ensure!(ours.state == "Established" && ours.flaps == 0, "{ours:?}");
    scene.await_routes().await
}
