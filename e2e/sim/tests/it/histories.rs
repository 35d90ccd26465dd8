use std::time::Duration;

use model::{AddressFamily, Kind, ServiceKey};
use proptest::prelude::*;
use sim::{Fixture, ServiceShape, World, reference};

const NODES: usize = 3;
const SERVICES: usize = 6;

/// What users and fate may do.
#[derive(Clone, Debug)]
enum Step {
    Service(usize, ServiceShape),
    DeleteService(usize),
    Endpoints(usize, Vec<usize>),
    Pool(u8),
    Exclude(usize, bool),
    Link(usize, bool),
    Reset(usize),
    RestartSpeaker(usize),
    RestartController,
    RestartRouter,
    BreakWatches,
    Api(bool),
    WriteFaults(u64),
    Wait(u64),
}

fn shape() -> impl Strategy<Value = ServiceShape> {
    (
        any::<bool>(),
        any::<bool>(),
        prop::option::weighted(0.2, 1_u8..8),
    )
        .prop_map(|(local, dual_stack, wants)| ServiceShape {
            local,
            dual_stack,
            wants,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let service = 0..SERVICES;
    let node = 0..NODES;
    prop_oneof![
        6 => (service.clone(), shape()).prop_map(|(index, shape)| Step::Service(index, shape)),
        2 => service.clone().prop_map(Step::DeleteService),
        6 => (service, prop::collection::vec(0..NODES, 0..3))
            .prop_map(|(index, nodes)| Step::Endpoints(index, nodes)),
        2 => (1_u8..9).prop_map(Step::Pool),
        1 => (node.clone(), any::<bool>()).prop_map(|(node, on)| Step::Exclude(node, on)),
        2 => (node.clone(), any::<bool>()).prop_map(|(node, up)| Step::Link(node, up)),
        1 => node.clone().prop_map(Step::Reset),
        1 => node.prop_map(Step::RestartSpeaker),
        1 => Just(Step::RestartController),
        1 => Just(Step::RestartRouter),
        2 => Just(Step::BreakWatches),
        1 => any::<bool>().prop_map(Step::Api),
        1 => (0_u64..60).prop_map(Step::WriteFaults),
        6 => (1_u64..120_000).prop_map(Step::Wait),
    ]
}

fn take(world: &mut World, created: &mut i64, step: Step) {
    *created += 1;
    match step {
        Step::Service(index, shape) => {
            // A user changes a Service by a new one here: what a status would keep is not the question.
            world.delete(Kind::Service, &key(index));
            world.apply(Fixture::service(index, *created, shape));
        }
        Step::DeleteService(index) => world.delete(Kind::Service, &key(index)),
        Step::Endpoints(index, nodes) => {
            world.apply(Fixture::endpoints(index, AddressFamily::IPv4, &nodes));
            world.apply(Fixture::endpoints(index, AddressFamily::IPv6, &nodes));
        }
        Step::Pool(last) => world.apply(Fixture::pool("main", 0, last, true)),
        Step::Exclude(node, on) => world.apply(Fixture::node(node, on)),
        Step::Link(node, up) => world.set_link(node, up),
        Step::Reset(node) => world.reset_connections(node),
        Step::RestartSpeaker(node) => world.restart_speaker(node),
        Step::RestartController => world.restart_controller(),
        Step::RestartRouter => world.restart_router(),
        Step::BreakWatches => world.break_watches(),
        Step::Api(away) => world.set_api_away(away),
        Step::WriteFaults(percent) => world.set_write_faults(percent),
        Step::Wait(millis) => world.run(Duration::from_millis(millis)),
    }
}

fn key(index: usize) -> ServiceKey {
    ServiceKey::new("default", format!("service-{index}"))
}

/// A history is long: a quarter of the usual number of cases says as much as a table of single steps.
fn few_long_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.div_ceil(4),
        max_shrink_iters: 2_000,
        ..usual
    }
}

proptest! {
    #![proptest_config(few_long_cases())]

    #[test]
    fn whatever_happens_peace_brings_the_world_to_what_the_reference_says(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(seed, NODES);
        let mut created = 0;
        world.apply(Fixture::pool("main", 0, 8, true));
        for step in steps {
            take(&mut world, &mut created, step);
        }
        world.set_api_away(false);
        world.set_write_faults(0);
        (0..NODES).for_each(|node| world.set_link(node, true));
        world.run(Duration::from_secs(900));
        let verdict = reference::compare(&world);
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
        let before = world.writes();
        world.run(Duration::from_secs(300));
        prop_assert_eq!(world.writes(), before, "a quiet cluster writes nothing");
    }
}
