//! What the other side advertises, and what our import filter makes of it, without an end of the session.

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{DesiredImport, LearnedPrefixes, Originated, Peer};

use crate::cell::Cell;
use crate::scene::{DEADLINE, OUR_ASN, RANGES, Scene};

const OUTSIDE: &str = "198.51.100.0/24";
/// An AS behind the other side's.
const FAR_ASN: u32 = 64900;

/// All of it on one session; a failure shows what both sides logged.
pub(crate) async fn run<P: Peer>(cell: Cell) -> Result<()> {
    let mut scene = Scene::<P>::set(cell, 9).await?;
    let result = live(&mut scene).await;
    result.with_context(|| scene.network.logs(60))
}

async fn live<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.await_established().await?;
    let [ipv4, ipv6] = [
        ("10.244.1.0/24", "10.77.0.2"),
        ("fd00:244:0:1::/64", "fd77::2"),
    ];
    let (ipv4, ipv6) = (route(ipv4)?, route(ipv6)?);
    let outside = route((OUTSIDE, "10.77.0.2"))?;
    for route in [&ipv4, &ipv6, &outside] {
        scene.peer()?.advertise(route).await?;
    }
    await_rejections(scene, "NotInFilter", 3).await?;
    await_learned(scene, "without a filter", &[]).await?;

    import(scene, &RANGES, 0).await?;
    await_learned(scene, "a filter opens", &[&ipv4, &ipv6]).await?;
    import(scene, &RANGES[1..], 0).await?;
    await_learned(scene, "a narrower filter", &[&ipv6]).await?;
    import(scene, &RANGES, 0).await?;
    await_learned(scene, "a wider filter", &[&ipv4, &ipv6]).await?;

    our_own_as_counts(scene, &ipv4, &ipv6).await?;

    scene.peer()?.withdraw(&ipv4).await?;
    await_learned(scene, "IPv4 withdrawn", &[&ipv6]).await?;
    scene.peer()?.withdraw(&ipv6).await?;
    await_learned(scene, "all withdrawn", &[]).await?;

    let ours = scene.session().await?;
    let theirs = scene.peer()?.sessions().await?;
    ensure!(
        ours.flaps == 0 && theirs == 1,
        "the session did not last: {theirs} at the other side, {ours:?}"
    );
    Ok(())
}

/// A fabric in which all nodes have one AS: paths from other nodes have ours in them.
async fn our_own_as_counts<P: Peer>(
    scene: &mut Scene<P>,
    ipv4: &Originated,
    ipv6: &Originated,
) -> Result<()> {
    let reflected = Originated {
        as_path: vec![FAR_ASN, OUR_ASN],
        ..ipv4.clone()
    };
    scene.peer()?.advertise(&reflected).await?;
    await_rejections(scene, "OwnAsn", 1).await?;
    await_learned(scene, "our AS in the path", &[ipv6]).await?;
    import(scene, &RANGES, 1).await?;
    await_learned(scene, "our AS allowed once", &[ipv4, ipv6]).await?;
    import(scene, &RANGES, 0).await?;
    await_learned(scene, "our AS forbidden again", &[ipv6]).await?;
    let changed = Originated {
        as_path: vec![FAR_ASN],
        ..ipv4.clone()
    };
    scene.peer()?.advertise(&changed).await?;
    await_learned(scene, "another path", &[ipv4, ipv6]).await
}

pub(crate) fn route((prefix, next_hop): (&str, &str)) -> Result<Originated> {
    Ok(Originated {
        prefix: prefix.to_owned(),
        next_hop: next_hop.parse()?,
        as_path: Vec::new(),
    })
}

pub(crate) async fn import<P: Peer>(
    scene: &mut Scene<P>,
    ranges: &[&str],
    own_asn: u8,
) -> Result<()> {
    scene.desired.import = Some(DesiredImport {
        within: ranges.iter().map(|&range| range.to_owned()).collect(),
        allow_own_asn: own_asn,
        max_prefixes: 10_000,
        ..DesiredImport::default()
    });
    scene.apply().await
}

/// Waits until these routes are learned, with the other side as next hop, and no other.
pub(crate) async fn await_learned<P: Peer>(
    scene: &mut Scene<P>,
    what: &str,
    routes: &[&Originated],
) -> Result<()> {
    let expected: LearnedPrefixes = routes
        .iter()
        .map(|route| (route.prefix.clone(), vec![route.next_hop]))
        .collect();
    await_condition(what, DEADLINE, async || {
        let learned = scene.learned().await?;
        Ok(Seen::when(learned == expected, learned))
    })
    .await
    .map(drop)
}

pub(crate) async fn await_rejections<P: Peer>(
    scene: &mut Scene<P>,
    reason: &str,
    least: u64,
) -> Result<()> {
    await_condition(&format!("{least} x {reason}"), DEADLINE, async || {
        let session = scene.session().await?;
        let count = session.rejected.get(reason).copied().unwrap_or_default();
        Ok(Seen::when(count >= least, session))
    })
    .await
    .map(drop)
}
