//! Our BGP driver against routers of other makers, in network namespaces, one process per host.
//!
//! `INTEROP=full` runs every cell of peer x who dials x transport x kind of session; otherwise each peer gets the
//! cells of [`cell::SHORT`], which have every pair of who dials and transport. Arguments pick cases by a part of
//! their names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends at the first surprise"
)]

mod bfd;
mod cell;
mod far;
mod hold_timer;
mod learn;
mod malformed;
mod raw_peer;
mod restart;
mod scene;
mod session;
mod suite;
mod weights;

use e2e::netns::{BfdPeer, Bird, ExaBgp, Frr, GoBgp, Peer};

use cell::Cell;
use restart::End;
use suite::Suite;

fn main() -> std::process::ExitCode {
    let mut suite = Suite::from_arguments();
    // GoBGP is idle for 30 s after each reset: first come the cases that wait longest.
    add::<GoBgp>(&mut suite);
    add::<ExaBgp>(&mut suite);
    add::<Frr>(&mut suite);
    add::<Bird>(&mut suite);
    add_more::<Frr>(&mut suite);
    add_more::<Bird>(&mut suite);
    suite.add("frr/weights", weights::run());
    add_bfd::<Frr>(&mut suite);
    add_bfd::<Bird>(&mut suite);
    suite.add("exabgp/malformed-attributes", malformed::from_exabgp());
    for case in malformed::table() {
        suite.add(
            &format!("raw/{}", case.name),
            malformed::from_raw_peer(case),
        );
    }
    suite.run()
}

fn add_more<P: Peer + 'static>(suite: &mut Suite) {
    for cell in cell::MORE {
        suite.add(&format!("{}/{}", P::NAME, cell), session::run::<P>(cell));
    }
    suite.add(&format!("{}/gtsm-far", P::NAME), far::run::<P>());
    suite.add(
        &format!("{}/no-hold-time", P::NAME),
        hold_timer::run_without::<P>(),
    );
}

fn add<P: Peer + 'static>(suite: &mut Suite) {
    for cell in cell::chosen() {
        suite.add(&format!("{}/{}", P::NAME, cell), session::run::<P>(cell));
    }
    let cell = Cell::default();
    suite.add(
        &format!("{}/their-hold-timer", P::NAME),
        hold_timer::run::<P>(cell),
    );
    if P::KEEPS_ROUTES {
        let name = |side| format!("{}/{side}-restart-keeps-routes", P::NAME);
        suite.add(&name("our"), restart::ours::<P>(cell, End::Planned));
        let crash = format!("{}/our-crash-keeps-routes", P::NAME);
        suite.add(&crash, restart::ours::<P>(cell, End::Crash));
        suite.add(&name("their"), restart::theirs::<P>(cell));
    }
    suite.add(&format!("{}/learn", P::NAME), learn::run::<P>(cell));
}

fn add_bfd<P: BfdPeer + 'static>(suite: &mut Suite) {
    for cell in cell::BFD {
        let name = |case: &str| format!("{}/bfd-{case}/{cell}", P::NAME);
        suite.add(&name("equal"), bfd::equal::<P>(cell));
        suite.add(&name("unequal"), bfd::unequal::<P>(cell));
    }
    let cell = Cell::default();
    suite.add(&format!("{}/bfd-absent", P::NAME), bfd::absent::<P>(cell));
    suite.add(&format!("{}/bfd-gtsm-far", P::NAME), far::watched::<P>());
    for (what, end) in [("restart", End::Planned), ("crash", End::Crash)] {
        let name = format!("{}/bfd-our-{what}-keeps-routes", P::NAME);
        suite.add(&name, restart::ours_with_bfd::<P>(cell, end));
    }
}
