//! BFD with routers of other makers: it comes up, its parameters change while it is up, and what it means to BGP.

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{BfdPeer, BfdReport, BfdSettings, DesiredBfd, SessionReport};

use crate::cell::{Cell, Dials, Families, Kind};
use crate::far;
use crate::restart::{self, End};
use crate::scene::{DEADLINE, MapYes as _, Scene};
use crate::suite::Suite;

/// Long enough that it is never what ends a session here.
const HOLD_TIME: u16 = 90;
pub(crate) const EQUAL: (DesiredBfd, BfdSettings) = (ours([300, 300], 3), theirs([300, 300], 3));
/// Neither side sends as fast as it would like to.
const UNEQUAL: (DesiredBfd, BfdSettings) = (ours([100, 500], 5), theirs([200, 400], 4));
/// What the sides change to, each from either of the above.
const CHANGED: (DesiredBfd, BfdSettings) = (ours([600, 250], 4), theirs([350, 150], 6));

/// Both families, and both ports of BFD.
const CELLS: [Cell; 3] = [
    Cell::new(Families::BothOverIpv4, Kind::External, Dials::We),
    Cell::new(Families::BothOverIpv6, Kind::Internal, Dials::They),
    Cell::new(Families::BothOverIpv4, Kind::MultiHop, Dials::We),
];

const fn ours([transmit, receive]: [u64; 2], multiplier: u8) -> DesiredBfd {
    DesiredBfd {
        transmit,
        receive,
        multiplier,
    }
}

const fn theirs([transmit, receive]: [u64; 2], multiplier: u8) -> BfdSettings {
    BfdSettings {
        transmit,
        receive,
        multiplier,
    }
}

/// All cases with one maker's peer.
pub(crate) fn add<P: BfdPeer + 'static>(suite: &mut Suite) {
    for cell in CELLS {
        let name = |case: &str| format!("{}/bfd-{case}/{cell}", P::NAME);
        suite.add(&name("equal"), equal::<P>(cell));
        suite.add(&name("unequal"), unequal::<P>(cell));
    }
    let name = format!("{}/bfd-absent", P::NAME);
    suite.add(&name, absent::<P>(Cell::default()));
    suite.add(&format!("{}/bfd-gtsm-far", P::NAME), far::watched::<P>());
    for (what, end) in [("restart", End::Planned), ("crash", End::Crash)] {
        let name = format!("{}/bfd-our-{what}-keeps-routes", P::NAME);
        suite.add(&name, restart::ours_with_bfd::<P>(Cell::default(), end));
    }
}

/// Both sides at equal timers.
async fn equal<P: BfdPeer>(cell: Cell) -> Result<()> {
    run::<P>(cell, EQUAL).await
}

/// Each side has timers of its own.
async fn unequal<P: BfdPeer>(cell: Cell) -> Result<()> {
    run::<P>(cell, UNEQUAL).await
}

/// BGP does not wait for a peer that has no BFD.
async fn absent<P: BfdPeer>(cell: Cell) -> Result<()> {
    let mut scene = Scene::<P>::set_with(cell, HOLD_TIME, |settings| {
        settings.our_bfd = Some(EQUAL.0);
    })
    .await?;
    let result = async {
        scene.await_established().await?;
        let session = scene.session().await?;
        let state = session.bfd.as_ref().map(|bfd| &*bfd.state);
        ensure!(state == Some("Down"), "BFD without a peer: {session:?}");
        Ok(())
    };
    result.await.with_context(|| scene.network.logs(40))
}

async fn run<P: BfdPeer>(cell: Cell, (ours, theirs): (DesiredBfd, BfdSettings)) -> Result<()> {
    let mut scene = Scene::<P>::set_with(cell, HOLD_TIME, |settings| {
        (settings.our_bfd, settings.bfd) = (Some(ours), Some(theirs));
    })
    .await?;
    let result = live(&mut scene, ours, theirs).await;
    result.with_context(|| scene.network.logs(40))
}

async fn live<P: BfdPeer>(
    scene: &mut Scene<P>,
    ours: DesiredBfd,
    theirs: BfdSettings,
) -> Result<()> {
    scene.await_established().await?;
    await_up(scene, ours, theirs).await?;
    changes_while_it_is_up(scene, (ours, theirs))
        .await
        .context("change of parameters")?;
    ends_the_session_when_the_peer_stands_still(scene)
        .await
        .context("peer stopped")?;
    is_not_broken_when_it_is_taken_away(scene)
        .await
        .context("profile removed")
}

/// First ours, then theirs; nothing goes down over it.
async fn changes_while_it_is_up<P: BfdPeer>(
    scene: &mut Scene<P>,
    (_, theirs): (DesiredBfd, BfdSettings),
) -> Result<()> {
    let before = scene.session().await?;
    set_ours(scene, Some(CHANGED.0)).await?;
    await_up(scene, CHANGED.0, theirs).await?;
    scene.peer()?.change_bfd(&CHANGED.1).await?;
    await_up(scene, CHANGED.0, CHANGED.1).await?;
    let after = scene.session().await?;
    let flaps = |session: &SessionReport| session.bfd.as_ref().map(|bfd| bfd.flaps);
    ensure!(flaps(&after) == Some(0), "BFD went down: {after:?}");
    ensure!(before.flaps == after.flaps, "BGP went down: {after:?}");
    Ok(())
}

/// The reason shows that it was not the hold timer.
async fn ends_the_session_when_the_peer_stands_still<P: BfdPeer>(
    scene: &mut Scene<P>,
) -> Result<()> {
    let before = scene.session().await?.flaps;
    scene.peer()?.suspend_bfd(true).await?;
    await_condition("BFD ends the session", DEADLINE, async || {
        let session = scene.session().await?;
        let reason = session.last_error.as_deref().unwrap_or_default();
        let ended = session.flaps > before && reason.contains("BFD");
        let down = session.bfd.as_ref().is_some_and(|bfd| bfd.flaps > 0);
        Ok(Seen::when(ended && down, session).map_yes())
    })
    .await?;
    if P::SPEAKS_BGP_WITHOUT_BFD {
        await_condition("Cease, BFD Down", DEADLINE, async || {
            let notified = scene.peer()?.notified().await?;
            Ok(Seen::when(notified == Some((6, 10)), notified).map_yes())
        })
        .await?;
    }
    scene.peer()?.suspend_bfd(false).await?;
    scene.await_established().await?;
    await_up(scene, CHANGED.0, CHANGED.1).await
}

/// AdminDown says nothing about the path (RFC 5882 section 4.2). FRR 8.4.4 and BIRD 2.0.12 end the BGP session over it
/// all the same; we do not, neither over our own end nor over our return.
async fn is_not_broken_when_it_is_taken_away<P: BfdPeer>(scene: &mut Scene<P>) -> Result<()> {
    let before = scene.session().await?;
    set_ours(scene, None).await?;
    await_condition("the peer knows that BFD is gone", DEADLINE, async || {
        let up = scene.peer()?.bfd_is_up().await?;
        Ok(Seen::when(!up, up).map_yes())
    })
    .await?;
    scene.await_established().await?;
    set_ours(scene, Some(EQUAL.0)).await?;
    await_up(scene, EQUAL.0, CHANGED.1).await?;
    let after = scene.session().await?;
    let reason = after.last_error.as_deref().unwrap_or_default();
    let theirs = after.flaps == before.flaps || reason.contains("received NOTIFICATION");
    ensure!(theirs, "we ended the session: {after:?}");
    scene.await_established().await
}

async fn set_ours<P: BfdPeer>(scene: &mut Scene<P>, bfd: Option<DesiredBfd>) -> Result<()> {
    for peer in &mut scene.desired.peers {
        peer.bfd = bfd;
    }
    scene.apply().await
}

/// Waits until both sides are Up, with what they have negotiated: our detection time is their multiplier times the
/// slower of what they send and we accept (RFC 5880 section 6.8.4).
pub(crate) async fn await_up<P: BfdPeer>(
    scene: &mut Scene<P>,
    ours: DesiredBfd,
    theirs: BfdSettings,
) -> Result<()> {
    let expected = u64::from(theirs.multiplier) * ours.receive.max(theirs.transmit);
    let what = format!("BFD is Up with a detection time of {expected} ms");
    await_condition(&what, DEADLINE, async || {
        let session = scene.session().await?;
        let right = |bfd: &BfdReport| bfd.state == "Up" && bfd.detection_time == Some(expected);
        let both = session.bfd.as_ref().is_some_and(right) && scene.peer()?.bfd_is_up().await?;
        Ok(Seen::when(both, session).map_yes())
    })
    .await
}
