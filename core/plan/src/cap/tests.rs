use std::{format, vec};

use proptest::{collection::vec, prelude::*};

use super::*;

const NODES: usize = 5;

/// What one node is and knows.
#[derive(Clone, Debug, Default)]
struct Seat {
    able: bool,
    within: bool,
    /// What the others said last that arrived: whether they can, and whether they do.
    heard: [Option<bool>; NODES],
}

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// What one says reaches another.
    Tell(usize, usize),
    /// One looks again at what it knows.
    Decide(usize),
    /// One gets a session, or loses it.
    Able(usize, bool),
}

fn name(number: usize) -> Name {
    format!("node-{number}").into()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..NODES, 0..NODES).prop_map(|(from, to)| Step::Tell(from, to)),
        6 => (0..NODES).prop_map(Step::Decide),
        1 => (0..NODES, any::<bool>()).prop_map(|(node, able)| Step::Able(node, able)),
    ];
    vec(step, 0..200)
}

fn run(seats: &mut [Seat], cap: u16, step: Step) {
    match step {
        Step::Tell(from, to) => {
            let said = seats[from].able.then_some(seats[from].within);
            seats[to].heard[from] = said;
        }
        Step::Decide(node) => {
            let others = (0..NODES).filter(|other| *other != node);
            let others: Vec<Announcer> = others
                .filter_map(|other| {
                    Some(Announcer {
                        node: name(other),
                        advertises: seats[node].heard[other]?,
                    })
                })
                .collect();
            let contest = Contest {
                cap: NonZeroU16::new(cap).unwrap(),
                key: "10.0.0.1".parse().unwrap(),
                node: &name(node),
                within: seats[node].within,
            };
            seats[node].within = contest.is_within(&others);
        }
        Step::Able(node, able) => seats[node].able = able,
    }
}

fn announcing(seats: &[Seat]) -> usize {
    seats.iter().filter(|seat| seat.able && seat.within).count()
}

/// Everybody hears everybody and decides, until nothing changes any more.
fn settle(seats: &mut [Seat], cap: u16) {
    for _ in 0..NODES * 2 {
        for (from, to) in (0..NODES).flat_map(|from| (0..NODES).map(move |to| (from, to))) {
            run(seats, cap, Step::Tell(from, to));
        }
        (0..NODES).for_each(|node| run(seats, cap, Step::Decide(node)));
    }
}

proptest! {
    #[test]
    fn in_the_end_as_many_announce_as_may_and_can(steps in steps(), cap in 1..4_u16) {
        let mut seats = vec![Seat::default(); NODES];
        steps.iter().for_each(|step| run(&mut seats, cap, *step));
        settle(&mut seats, cap);
        let able = seats.iter().filter(|seat| seat.able).count();
        prop_assert_eq!(announcing(&seats), able.min(cap.into()));
    }

    #[test]
    fn nobody_ends_before_who_replaces_it_has_begun(
        before in steps(),
        comes in 0..NODES,
        after in steps(),
        cap in 1..4_u16,
    ) {
        let mut seats = vec![Seat::default(); NODES];
        before.iter().for_each(|step| run(&mut seats, cap, *step));
        settle(&mut seats, cap);
        let least = announcing(&seats);
        run(&mut seats, cap, Step::Able(comes, true));
        for step in after {
            if !matches!(step, Step::Able(..)) {
                run(&mut seats, cap, step);
            }
            prop_assert!(announcing(&seats) >= least.min(cap.into()), "{seats:?}");
        }
    }
}

#[test]
fn a_node_that_hears_nobody_announces() {
    let contest = Contest {
        cap: NonZeroU16::MIN,
        key: "10.0.0.1".parse().unwrap(),
        node: "node-1",
        within: false,
    };
    assert!(contest.is_within(&[]));
}
