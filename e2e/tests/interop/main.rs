//! Our BGP driver against routers of other makers, in network namespaces, one process per host.
//!
//! `--full` takes every session of maker x families x kind through every action and writes the table of docs/interop.md;
//! otherwise each maker's peer has every kind and all families once, and every action in one session. Arguments pick
//! sessions and cases by a part of their names; then nothing is written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends at the first surprise"
)]

mod action;
mod bandwidth;
mod bfd;
mod captured;
mod cell;
mod far;
mod hard_reset;
mod hold_timer;
mod import;
mod learn;
mod maker;
mod malformed;
mod matrix;
mod raw_peer;
mod restart;
mod scene;
mod session;
mod suite;
mod unnumbered;
mod weights;

use e2e::netns::{Bird, ExaBgp, Frr, GoBgp, Peer};

use cell::{Cell, Families, Kind};
use matrix::Matrix;
use restart::End;
use suite::Suite;

fn main() -> std::process::ExitCode {
    let (mut suite, matrix) = (Suite::from_arguments(), Matrix::default());
    let full = std::env::args().any(|argument| argument == "--full");
    match full {
        true => matrix.add_full(&mut suite),
        false => matrix.add_brief(&mut suite),
    }
    bfd::add::<Frr>(&mut suite);
    bfd::add::<Bird>(&mut suite);
    suite.add("frr/weights", weights::run());
    suite.add(
        "frr/unnumbered/ebgp",
        unnumbered::run::<Frr>(Kind::External),
    );
    suite.add(
        "frr/unnumbered/ibgp",
        unnumbered::run::<Frr>(Kind::Internal),
    );
    suite.add("frr/unnumbered/bfd", unnumbered::bfd::<Frr>());
    suite.add("frr/ibgp-bandwidth", bandwidth::in_frr());
    suite.add("bird/ibgp-bandwidth", bandwidth::in_bird());
    suite.add("frr/hard-reset", hard_reset::run::<Frr>());
    for families in Families::ALL {
        suite.add(&format!("tshark/{families}"), captured::run(families));
    }
    add_limits::<Frr>(&mut suite);
    add_limits::<Bird>(&mut suite);
    add_restarts::<GoBgp>(&mut suite);
    add_restarts::<Frr>(&mut suite);
    add_restarts::<Bird>(&mut suite);
    add_learn::<GoBgp>(&mut suite);
    add_learn::<ExaBgp>(&mut suite);
    add_learn::<Frr>(&mut suite);
    add_learn::<Bird>(&mut suite);
    suite.add("exabgp/malformed-attributes", malformed::from_exabgp());
    for case in malformed::table() {
        suite.add(
            &format!("raw/{}", case.name),
            malformed::from_raw_peer(case),
        );
    }
    let is_part = suite.is_part();
    let code = suite.run();
    if full && !is_part {
        matrix.write().expect("docs/interop.md");
    }
    code
}

fn add_limits<P: Peer + 'static>(suite: &mut Suite) {
    suite.add(&format!("{}/gtsm-far", P::NAME), far::run::<P>());
    let cell = Cell::default();
    suite.add(&format!("{}/import", P::NAME), import::run::<P>(cell));
    suite.add(
        &format!("{}/no-hold-time", P::NAME),
        hold_timer::run_without::<P>(),
    );
}

fn add_learn<P: Peer + 'static>(suite: &mut Suite) {
    let cell = Cell::default();
    suite.add(&format!("{}/learn", P::NAME), learn::run::<P>(cell));
}

fn add_restarts<P: Peer + 'static>(suite: &mut Suite) {
    for (what, end) in [("restart", End::Planned), ("crash", End::Crash)] {
        let name = format!("{}/our-{what}-keeps-routes", P::NAME);
        suite.add(&name, restart::ours::<P>(Cell::default(), end));
    }
}
