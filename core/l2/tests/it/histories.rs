//! Whatever happens to nodes and network, the rules hold all along, and peace brings everything to what the reference
//! says.

use std::{net::IpAddr, time::Duration};

use l2::{InterfaceFilter, Nominee};
use proptest::prelude::*;

use crate::{
    faults::{address, nominee},
    layout::key,
    network::Quality,
    node::State,
    random::Random,
    traffic::Way,
    world::World,
};

/// Addresses in a history.
const ADDRESSES: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Crash(usize),
    Start(usize),
    Restart(usize, u64),
    Stop(usize, u64),
    Leave(usize),
    Carrier(usize, usize, bool),
    Gag(usize, bool),
    Network(Fault),
    Nominate(usize, usize, Option<(u16, u8)>),
    Replay(u64),
    Keys(u8),
    Wait(u64),
}

#[derive(Clone, Debug)]
enum Fault {
    Isolate(u16),
    CutSegment(usize, u16),
    CutPaths(u16),
    Unheard(usize),
    Deaf(usize),
    Loss(u64),
    Disorder,
    Heal,
}

fn fault() -> impl Strategy<Value = Fault> {
    let node = 0..12_usize;
    prop_oneof![
        1 => any::<u16>().prop_map(Fault::Isolate),
        1 => (0..2_usize, any::<u16>()).prop_map(|(segment, nodes)| Fault::CutSegment(segment, nodes)),
        1 => any::<u16>().prop_map(Fault::CutPaths),
        1 => node.clone().prop_map(Fault::Unheard),
        1 => node.prop_map(Fault::Deaf),
        1 => (1..25_u64).prop_map(Fault::Loss),
        1 => Just(Fault::Disorder),
        4 => Just(Fault::Heal),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..12_usize;
    let nominee = proptest::option::weighted(0.8, (0..3_u16, 0..6_u8));
    prop_oneof![
        3 => node.clone().prop_map(Step::Crash),
        4 => node.clone().prop_map(Step::Start),
        2 => (node.clone(), 1..700_u64).prop_map(|(node, millis)| Step::Restart(node, millis)),
        4 => (node.clone(), 50..1_500_u64).prop_map(|(node, millis)| Step::Stop(node, millis)),
        2 => node.clone().prop_map(Step::Leave),
        3 => (node.clone(), 0..2_usize, any::<bool>()).prop_map(|(n, nic, up)| Step::Carrier(n, nic, up)),
        1 => (node.clone(), any::<bool>()).prop_map(|(node, gagged)| Step::Gag(node, gagged)),
        11 => fault().prop_map(Step::Network),
        3 => (node, 0..ADDRESSES, nominee).prop_map(|(n, at, nominee)| Step::Nominate(n, at, nominee)),
        1 => (1..400_u64).prop_map(Step::Replay),
        1 => (1..4_u8).prop_map(Step::Keys),
        8 => (1..1_500_u64).prop_map(Step::Wait),
    ]
}

fn take(world: &mut World, step: Step) {
    let count = world.nodes.len();
    match step {
        Step::Crash(node) => world.crash(node % count),
        Step::Start(node) if world.nodes[node % count].state == State::Down => {
            world.start(node % count);
        }
        Step::Start(_) => {}
        Step::Restart(node, millis) => {
            world.crash(node % count);
            world.run_ms(millis);
            world.start(node % count);
        }
        Step::Stop(node, millis) => {
            world.stop(node % count);
            world.run_ms(millis);
            world.resume(node % count);
        }
        Step::Leave(node) => world.leave(node % count),
        Step::Carrier(node, nic, up) => {
            let nics = world.nodes[node % count].nics.len();
            world.set_carrier(node % count, nic % nics, up);
        }
        Step::Gag(node, gagged) => world.gag(node % count, gagged),
        Step::Nominate(node, at, nominee) => {
            world.nominate(node % count, address(at), nominee.map(nominated));
        }
        Step::Replay(recordings) => replay(world, recordings),
        Step::Keys(round) => rotate(world, round),
        Step::Wait(millis) => world.run_ms(millis),
        Step::Network(fault) => {
            strike(world, &fault);
            world.disturb_network();
        }
    }
}

fn strike(world: &mut World, fault: &Fault) {
    let count = world.nodes.len();
    let chosen = |nodes: u16| (0..count).filter(move |node| nodes >> node & 1 == 1);
    match *fault {
        Fault::Isolate(nodes) => world.isolate(&chosen(nodes).collect::<Vec<_>>()),
        Fault::CutSegment(segment, nodes) => world.network.cut_segment(segment, chosen(nodes)),
        Fault::CutPaths(nodes) => world.network.cut_paths(chosen(nodes)),
        Fault::Unheard(node) => world.network.unheard.extend([node % count]),
        Fault::Deaf(node) => world.network.deaf.extend([node % count]),
        Fault::Loss(percent) => world.network.quality.loss = percent,
        Fault::Disorder => {
            world.network.quality.duplication = 20;
            world.network.quality.reordering = 20;
        }
        Fault::Heal => world.network.heal(),
    }
}

/// A nomination for some of the cards.
fn nominated((weight, cards): (u16, u8)) -> Nominee {
    let patterns: &[&str] = match cards {
        0 => &["eth1"],
        1 => &["eth0", "bond*"],
        2 => &["nothing*"],
        _ => &[],
    };
    Nominee {
        interfaces: InterfaceFilter::new(patterns.iter().map(|name| (*name).into())),
        ..nominee(weight * 10)
    }
}

/// Somebody sends again what was on the wire during the time before.
fn replay(world: &mut World, recordings: u64) {
    // Who is not known yet may be waited for until it has had the time to prove to be alive.
    world.disturb();
    let tape = world.tape.replace(Vec::new()).unwrap_or_default();
    for recording in tape.iter().rev().take(usize::try_from(recordings).unwrap()) {
        for node in 0..world.nodes.len() {
            world.inject(node, recording);
        }
    }
}

/// The controller adds a key, and takes the oldest away once there are three.
fn rotate(world: &mut World, round: u8) {
    for node in 0..world.nodes.len() {
        let mut keys = world.nodes[node].keys.clone();
        if !keys.contains(&key(1 + round)) {
            keys.push(key(1 + round));
            world.set_keys(node, keys);
        }
    }
}

/// Nodes on one segment, or on two in different ways; some addresses are in no subnet of a node.
fn world(seed: u64, nodes: usize) -> World {
    let mut random = Random::new(seed);
    let kind = random.below(4);
    let layout: Vec<&[usize]> = (0..nodes)
        .map(|_| match (kind, random.below(4)) {
            (0 | 1, _) | (_, 0) => &[0_usize][..],
            (2, _) => &[0, 1],
            (_, 1) => &[1],
            (_, _) => &[1, 0],
        })
        .collect();
    let mut world = World::new(random.next_u64(), &layout);
    for node in &mut world.nodes {
        node.careless = random.chance(30);
        if random.chance(20) {
            node.nics[0].interface.addresses.truncate(1);
        }
    }
    world
}

fn live(seed: u64, nodes: usize, steps: Vec<Step>) {
    let mut world = world(seed, nodes);
    world.asks_every = Duration::from_millis(10);
    world.asks_for = 2;
    world.tape = Some(Vec::new());
    world.offer(ADDRESSES);
    world.start_all();
    for step in steps {
        take(&mut world, step);
        if let Some(tape) = &mut world.tape
            && tape.len() > 2_000
        {
            tape.drain(..1_000);
        }
    }
    make_peace(&mut world);
    world.assert_settled();
    let bursts = world.traffic.most(|way| matches!(way, Way::Segment(_)));
    assert!(bursts <= 60, "{bursts} heartbeats in a second on one card");
    world.assert_quiet();
    world.assert_settled();
}

fn make_peace(world: &mut World) {
    world.heal();
    for node in 0..world.nodes.len() {
        world.gag(node, false);
        for nic in 0..world.nodes[node].nics.len() {
            world.set_carrier(node, nic, true);
        }
    }
    world.settle();
}

/// A history is long: a part of the usual number of cases says as much as a table of single steps.
fn few_long_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.div_ceil(32),
        max_shrink_iters: 100,
        failure_persistence: None,
        ..usual
    }
}

proptest! {
    #![proptest_config(few_long_cases())]

    #[test]
    fn whatever_happens_one_node_answers_and_in_the_end_it_is_the_right_one(
        seed in any::<u64>(),
        nodes in 3..=12_usize,
        steps in prop::collection::vec(step(), 1..24),
    ) {
        live(seed, nodes, steps);
    }
}

/// The same seed tells the same story: what one run finds, another can look at.
#[test]
fn a_history_is_the_same_each_time() {
    let owners = |seed| -> Vec<(IpAddr, Vec<(Duration, usize)>)> {
        let mut world = world(seed, 5);
        world.network.quality = Quality {
            loss: 20,
            ..Quality::GOOD
        };
        world.disturb_network();
        world.offer(ADDRESSES);
        world.start_all();
        world.run_ms(3_000);
        world.crash(1);
        world.run_ms(1_500);
        let addresses = world.addresses.iter();
        addresses
            .map(|address| (*address, world.witness.owners(*address).to_vec()))
            .collect()
    };
    assert_eq!(owners(7), owners(7));
}

/// They are heard by their InternalIP soon, and own what they owned.
#[test]
fn a_lost_card_is_no_death_of_those_who_were_heard_there() {
    let lost = Step::Carrier(11, 0, false);
    live(
        14_969_120_099_478_830_707,
        11,
        vec![Step::Wait(795), lost, Step::Wait(1055)],
    );
}

/// Recordings of a node's former process, made while a deaf node did not hear it, tell that one nothing but news.
#[test]
fn recordings_of_a_former_process_do_not_displace_the_living_one_for_good() {
    let (deaf, again) = (Step::Network(Fault::Deaf(0)), Step::Restart(10, 39));
    let replay = Step::Replay(245);
    live(
        0,
        4,
        vec![deaf, Step::Wait(605), again, Step::Wait(775), replay],
    );
}

/// Who has lost a card hears by its InternalIP at once who took over, before it takes the addresses back by another card.
#[test]
fn who_loses_a_card_hears_who_took_over() {
    let (first, second) = (Step::Restart(3, 358), Step::Restart(9, 418));
    let lost = Step::Carrier(8, 0, false);
    let steps = vec![first, second, Step::Wait(70), lost, Step::Wait(1310)];
    live(13_233_382_457_862_726_179, 6, steps);
}

/// A deaf node told the segment that it answers, lost its card, and was never believed before.
#[test]
fn who_was_contested_by_somebody_deaf_tells_the_segment_again() {
    let (deaf, lost) = (Step::Network(Fault::Deaf(5)), Step::Carrier(5, 1, false));
    let steps = vec![deaf, Step::Wait(1_459), lost];
    live(1_856_662_868_162_016_123, 6, steps);
}
