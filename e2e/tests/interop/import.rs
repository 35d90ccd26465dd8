//! Import filters at their edges, and what FRR and BIRD see of a limit that they exceed.

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{DesiredImport, Originated, Peer, SessionReport};

use crate::cell::Cell;
use crate::learn::{await_learned, await_rejections, route};
use crate::scene::{DEADLINE, OUR_ASN, Scene};

const ROUTER: &str = "10.77.0.2";
const ROUTER_IPV6: &str = "fd77::2";
/// An AS behind the other side's.
const FAR_ASN: u32 = 64900;

/// Cease/Maximum Number of Prefixes Reached (RFC 4486).
const MAXIMUM_PREFIXES: (u8, u8) = (6, 1);

/// Lengths and own AS numbers on one session, then both ways to treat too many prefixes.
pub(crate) async fn run<P: Peer>(cell: Cell) -> Result<()> {
    let mut scene = Scene::<P>::set(cell, 9).await?;
    let result = live(&mut scene).await;
    result.with_context(|| scene.network.logs(60))
}

async fn live<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.await_established().await?;
    lengths(scene).await?;
    own_asns(scene).await?;
    too_many_are_ignored(scene).await?;
    too_many_end_the_session(scene).await
}

/// One bit to each side of the edges is not accepted.
async fn lengths<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let ipv4 = [
        "10.20.0.0/15",
        "10.20.0.0/16",
        "10.21.0.0/24",
        "10.21.1.0/25",
    ];
    let ipv6 = [
        "fd00:20::/47",
        "fd00:20::/48",
        "fd00:20:1::/64",
        "fd00:20:1:1::/65",
    ];
    let routes = of(&ipv4, ROUTER)?
        .into_iter()
        .chain(of(&ipv6, ROUTER_IPV6)?);
    let routes: Vec<Originated> = routes.collect();
    for route in &routes {
        scene.peer()?.advertise(route).await?;
    }
    // FRR was seen to send no withdrawal in the first second of a session, in which it had been asked to send all again.
    await_rejections(scene, "NotInFilter", 8).await?;
    let between = |prefix: &str, shortest, longest| (prefix.to_owned(), shortest, longest);
    set(scene, |import| {
        import.of_lengths = vec![
            between("10.20.0.0/15", 16, 24),
            between("fd00:20::/32", 48, 64),
        ];
    })
    .await?;
    let inside = [&routes[1], &routes[2], &routes[5], &routes[6]];
    await_learned(scene, "lengths between the edges", &inside).await?;
    set(scene, |import| {
        import.of_lengths = vec![between("10.20.0.0/16", 16, 16)];
    })
    .await?;
    await_learned(scene, "one prefix alone", &[&routes[1]]).await?;
    for route in &routes {
        scene.peer()?.withdraw(route).await?;
    }
    await_learned(scene, "all withdrawn", &[]).await
}

async fn own_asns<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let twice = Originated {
        as_path: vec![FAR_ASN, OUR_ASN, OUR_ASN],
        ..route(("10.20.0.0/16", ROUTER))?
    };
    scene.peer()?.advertise(&twice).await?;
    for (allowed, accepted) in [(2, &[&twice][..]), (1, &[]), (2, &[&twice])] {
        let what = format!("our AS allowed {allowed} times");
        let change = |import: &mut DesiredImport| {
            import.within = vec!["10.20.0.0/16".to_owned()];
            import.allow_own_asn = allowed;
        };
        set(scene, change).await?;
        await_learned(scene, &what, accepted).await?;
    }
    scene.peer()?.withdraw(&twice).await?;
    await_learned(scene, "our AS withdrawn", &[]).await
}

/// The ones on top come in when there is room again.
async fn too_many_are_ignored<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let routes = of(&["10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/24"], ROUTER)?;
    set(scene, limited(2, false)).await?;
    for route in &routes {
        scene.peer()?.advertise(route).await?;
    }
    let session = await_session(scene, "too many", |session| {
        session.excess && session.received == 2
    })
    .await?;
    ensure!(session.state == "Established", "{session:?}");
    let kept: Vec<String> = scene.learned().await?.into_keys().collect();
    let gone = routes.iter().find(|route| kept.contains(&route.prefix));
    let gone = gone.context("two are kept")?;
    scene.peer()?.withdraw(gone).await?;
    await_session(scene, "room again", |session| {
        !session.excess && session.received == 2
    })
    .await?;
    for route in routes.iter().filter(|route| route.prefix != gone.prefix) {
        scene.peer()?.withdraw(route).await?;
    }
    await_learned(scene, "all withdrawn", &[]).await?;
    let session = scene.session().await?;
    ensure!(session.flaps == 0, "{session:?}");
    Ok(())
}

/// Cease/Maximum Number of Prefixes Reached, silence, and another limit that ends it.
async fn too_many_end_the_session<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let routes = of(&["10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/24"], ROUTER)?;
    set(scene, limited(2, true)).await?;
    for route in &routes[..2] {
        scene.peer()?.advertise(route).await?;
    }
    await_learned(scene, "as many as may be", &[&routes[0], &routes[1]]).await?;
    scene.peer()?.advertise(&routes[2]).await?;
    let session = await_session(scene, "one too many", |session| session.flaps == 1).await?;
    ensure!(session.state == "Idle" && session.excess, "{session:?}");
    let words = session.last_error.unwrap_or_default();
    ensure!(
        words.contains("more than 2 prefixes of ipv4-unicast"),
        "{words}"
    );
    await_learned(scene, "the session has ended", &[]).await?;
    await_condition("the other side was told why", DEADLINE, async || {
        let notified = scene.peer()?.notified().await?;
        Ok(Seen::when(notified == Some(MAXIMUM_PREFIXES), notified))
    })
    .await?;
    set(scene, limited(3, true)).await?;
    scene.await_established().await?;
    await_learned(
        scene,
        "a higher limit",
        &[&routes[0], &routes[1], &routes[2]],
    )
    .await
}

fn limited(max_prefixes: u32, cease: bool) -> impl FnOnce(&mut DesiredImport) {
    move |import| {
        import.within = vec!["10.20.0.0/16".to_owned()];
        (import.max_prefixes, import.cease) = (max_prefixes, cease);
    }
}

fn of(prefixes: &[&str], next_hop: &str) -> Result<Vec<Originated>> {
    let routes = prefixes.iter().map(|prefix| route((prefix, next_hop)));
    routes.collect()
}

async fn set<P: Peer>(scene: &mut Scene<P>, change: impl FnOnce(&mut DesiredImport)) -> Result<()> {
    let mut import = DesiredImport {
        max_prefixes: 100,
        ..DesiredImport::default()
    };
    change(&mut import);
    scene.desired.import = Some(import);
    scene.apply().await
}

async fn await_session<P: Peer>(
    scene: &mut Scene<P>,
    what: &str,
    holds: impl Fn(&SessionReport) -> bool,
) -> Result<SessionReport> {
    await_condition(what, DEADLINE, async || {
        let session = scene.session().await?;
        Ok(Seen::when(holds(&session), session))
    })
    .await
}
