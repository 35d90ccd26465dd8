use model::StatusOwner;

use crate::object::{asks_for, assigned, ip, pool, service};
use crate::server::Server;

fn start(services: Vec<model::Service>) -> Server {
    let mut server = Server::unsynced();
    server.put_pool("p", 0, pool(&["10.0.0.0/30"]));
    services.into_iter().for_each(|service| server.put(service));
    server.restart(false);
    server.settle();
    server
}

#[test]
fn the_earlier_assignment_keeps_the_address() {
    let server = start(vec![
        assigned("a", 1, "10.0.0.1", 20),
        assigned("b", 2, "10.0.0.1", 10),
    ]);
    assert_eq!(
        (server.address("a").as_str(), server.address("b").as_str()),
        ("10.0.0.0", "10.0.0.1")
    );
    let told = "SharingConflict: has 10.0.0.0 from pool \"p\": 10.0.0.1 belongs to Service n/b, which had it \
                first";
    assert_eq!(server.events_of("a"), [told]);
}

#[test]
fn then_the_older_service_then_the_lower_uid() {
    let server = start(vec![
        assigned("a", 2, "10.0.0.1", 10),
        assigned("b", 1, "10.0.0.1", 10),
    ]);
    assert_eq!(
        (server.address("a").as_str(), server.address("b").as_str()),
        ("10.0.0.0", "10.0.0.1")
    );
    let server = start(vec![
        assigned("b", 1, "10.0.0.1", 10),
        assigned("a", 1, "10.0.0.1", 10),
    ]);
    assert_eq!(
        (server.address("a").as_str(), server.address("b").as_str()),
        ("10.0.0.1", "10.0.0.0")
    );
}

#[test]
fn of_three_one_keeps_and_two_move() {
    let services = ["a", "b", "c"].map(|name| assigned(name, 1, "10.0.0.2", 10));
    let server = start(services.into());
    let mut all = ["a", "b", "c"].map(|name| server.address(name));
    assert_eq!(all[0], "10.0.0.2");
    all.sort();
    assert_eq!(all, ["10.0.0.0", "10.0.0.1", "10.0.0.2"]);
}

#[test]
fn who_loses_and_finds_nothing_says_so() {
    let mut services: Vec<_> = (0..4)
        .map(|i| assigned(&format!("s{i}"), 1, &format!("10.0.0.{i}"), 1))
        .collect();
    services.push(assigned("late", 9, "10.0.0.3", 9));
    let mut server = start(services);
    let full = "pool \"p\" is full: it has no free IPv4 address";
    assert_eq!(
        server.assigned("late"),
        format!("False PoolExhausted: {full}")
    );
    let told = "SharingConflict: 10.0.0.3 belongs to Service n/s3, which had it first; ";
    assert_eq!(server.events_of("late"), [format!("{told}{full}")]);
    server.delete("s0");
    server.settle();
    assert_eq!(server.address("late"), "10.0.0.0");
}

#[test]
fn what_another_controller_has_given_out_is_not_ours() {
    let mut foreign = service("z", 9);
    foreign.addresses = vec![ip("10.0.0.1")];
    foreign.status_owner = StatusOwner::Foreign;
    let server = start(vec![assigned("a", 1, "10.0.0.1", 1), foreign]);
    assert_eq!(server.address("a"), "10.0.0.0");
}

#[test]
fn what_a_former_leader_gave_out_beats_what_was_only_intended() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/30"]));
    server.put(service("a", 1));
    server.put(asks_for(service("b", 2), &["10.0.0.2"], None));
    server.settle();
    server.put(service("c", 0));
    server.tell_all();
    let write = server.ledger.poll_write(server.now).unwrap();
    server.put(assigned("d", 3, "10.0.0.1", 30));
    server.tell_all();
    server.carry_out(&write, crate::server::Fate::Conflict);
    server.edit("c", |_| {});
    server.settle();
    assert_eq!(
        (server.address("c").as_str(), server.address("d").as_str()),
        ("10.0.0.3", "10.0.0.1")
    );
}
