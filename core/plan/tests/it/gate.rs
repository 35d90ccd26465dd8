use std::time::Duration;

use model::{EndpointState, Object};
use plan::{GateMode, Outcome, ProbeTarget};

use crate::fixture::*;

/// Runs every probe that is due with one outcome; gives what was asked.
fn answer(world: &mut World, outcome: Outcome) -> Vec<ProbeTarget> {
    let mut asked = Vec::new();
    while let Some(probe) = world.planner.poll_probe(world.now) {
        world
            .planner
            .handle_probe(world.now, &probe.target, outcome);
        asked.push(probe.target);
    }
    asked
}

#[test]
fn a_new_announcer_waits_for_kube_proxy() {
    let mut world = World::usual_with(GateMode::Auto);
    world.settle();
    assert_eq!(
        (world.reason(), world.planner.gate_waiting()),
        ("DataplaneNotReady", 1)
    );
    assert_eq!(
        answer(&mut world, Outcome::NotReady),
        [ProbeTarget::KubeProxy]
    );
    world.settle();
    assert_eq!(world.reason(), "DataplaneNotReady");
    answer(&mut world, Outcome::Ready);
    world.settle();
    assert_eq!(
        (world.reason(), world.planner.gate_waiting()),
        ("Announced", 0)
    );
}

#[test]
fn a_local_service_waits_for_its_own_health_check() {
    let mut world = World::usual_with(GateMode::Auto);
    world.settle();
    answer(&mut world, Outcome::Ready);
    world.settle();
    world.apply(Object::Service(local("other", &["10.0.0.2"])));
    let ready = slice("other", &[("10.1.0.2", NODE, EndpointState::Ready)]);
    world.apply(Object::EndpointSlice(ready));
    world.settle();
    assert!(!world.announces("10.0.0.2"));
    let asked = answer(&mut world, Outcome::Ready);
    assert!(matches!(
        asked.as_slice(),
        [ProbeTarget::HealthCheck { port: 30000, .. }]
    ));
    world.settle();
    assert!(world.announces("10.0.0.2"));
}

#[test]
fn never_withdraws_what_is_announced() {
    let mut world = World::usual_with(GateMode::Auto);
    world.settle();
    answer(&mut world, Outcome::Ready);
    world.settle();
    world.apply(Object::Service(local("web", &[ADDRESS])));
    let changes = world.settle();
    assert_eq!((world.reason(), changes.routes.len()), ("Announced", 0));
    assert_eq!(answer(&mut world, Outcome::NotReady), []);
}

#[test]
fn whoever_stopped_announcing_waits_again() {
    let mut world = World::usual_with(GateMode::Auto);
    let web = |state| Object::EndpointSlice(slice("web", &[("10.1.0.1", NODE, state)]));
    world.apply(Object::Service(local("web", &[ADDRESS])));
    world.settle();
    answer(&mut world, Outcome::Ready);
    world.settle();
    assert_eq!(world.reason(), "Announced");
    world.apply(web(EndpointState::Unusable));
    world.settle();
    world.apply(web(EndpointState::Ready));
    world.settle();
    assert_eq!(world.reason(), "DataplaneNotReady");
}

#[test]
fn announces_after_five_seconds_of_silence_and_counts_it() {
    let mut world = World::usual_with(GateMode::Auto);
    world.settle();
    while world.reason() == "DataplaneNotReady" {
        answer(&mut world, Outcome::NoAnswer);
        let due = world.planner.poll_timeout().unwrap();
        world.now = world.now.max(due);
        world.settle();
        assert!(world.now < Duration::from_secs(6));
    }
    assert!(world.now >= Duration::from_secs(5));
    assert_eq!(
        (world.reason(), world.planner.gate_given_up()),
        ("Announced", 1)
    );
}

#[test]
fn an_address_that_changes_in_a_full_pass_still_waits_for_its_probe() {
    let mut world = World::usual_with(GateMode::Auto);
    world.settle();
    assert_eq!(world.reason(), "DataplaneNotReady");
    world.apply(Object::Advertisement(advertisement("another")));
    world.apply(Object::Service(service("web", &["10.0.0.2"])));
    world.settle();
    let decision = world.decision("web", Some("10.0.0.2")).unwrap();
    assert_eq!(
        (decision.reason(), world.planner.gate_waiting()),
        ("DataplaneNotReady", 1)
    );
}
