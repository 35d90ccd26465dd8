use std::time::Duration;

use ipam::{Write, WriteError, Written};

use crate::object::{asks_for, key, pool, service};
use crate::server::{Fate, Server};

fn with_pending() -> Server {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/31"]));
    server.settle();
    server.put(service("a", 1));
    server.tell_all();
    server
}

#[test]
fn nothing_is_written_before_every_list_has_arrived() {
    let mut server = Server::unsynced();
    server.put_pool("p", 0, pool(&["10.0.0.0/31"]));
    server.put(service("a", 1));
    assert_eq!(server.settle(), 0);
    server.ledger.handle_synced(server.now);
    assert!(server.settle() > 0);
}

#[test]
fn one_write_per_object_is_under_way() {
    let mut server = with_pending();
    let first = server.poll_service_write().unwrap();
    assert!(matches!(&first, Write::ServiceStatus { key: k, .. } if *k == key("a")));
    server.edit("a", |service| {
        service.traffic_policy = model::TrafficPolicy::Local
    });
    server.tell_all();
    assert_eq!(server.poll_service_write(), None);
}

#[test]
fn a_write_under_way_holds_its_address() {
    let mut server = with_pending();
    let first = server.poll_service_write().unwrap();
    server.put(service("b", 0));
    server.tell_all();
    let second = server.poll_service_write().unwrap();
    let addresses = |write: &Write| match write {
        Write::ServiceStatus { addresses, .. } => addresses.clone(),
        other => panic!("{other:?}"),
    };
    assert_ne!(addresses(&first), addresses(&second));
}

#[test]
fn what_a_write_under_way_may_show_is_not_given_to_another() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.edit("a", |service| {
        *service = asks_for(service.clone(), &["10.0.0.1"], None)
    });
    server.put(asks_for(service("b", 2), &["10.0.0.0"], None));
    server.tell_all();
    let second = server.poll_service_write().unwrap();
    let refused = |write: &Write| matches!(write, Write::ServiceStatus { addresses, .. } if addresses.is_empty());
    assert!(refused(&second), "{second:?}");
    server.carry_out(&write, Fate::Conflict);
    server.carry_out(&second, Fate::Success);
    server.settle();
    assert_eq!(
        (server.address("a").as_str(), server.address("b").as_str()),
        ("10.0.0.1", "10.0.0.0")
    );
}

#[test]
fn a_service_created_anew_starts_over() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.delete("a");
    let mut anew = service("a", 5);
    anew.meta.uid = "another".into();
    server.put(anew);
    server.tell_all();
    let second = server.poll_service_write().unwrap();
    assert!(matches!(&second, Write::ServiceStatus { uid, .. } if &**uid == "another"));
    server.carry_out(&write, Fate::Success);
    server.carry_out(&second, Fate::Success);
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.0");
}

#[test]
fn a_written_status_is_not_written_again_before_it_is_seen() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    let written = server.perform(&write).unwrap();
    server
        .ledger
        .handle_written(server.now, &write, Ok(written));
    let rest = server.poll_service_write();
    assert!(!matches!(rest, Some(Write::ServiceStatus { .. })));
}

#[test]
fn a_late_watch_frees_nothing_that_was_written() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    let written = server.perform(&write).unwrap();
    server
        .ledger
        .handle_written(server.now, &write, Ok(written));
    let late = std::mem::take(&mut server.news);
    server.now += Duration::from_secs(40);
    server.ledger.handle_timeout(server.now);
    let again = server.poll_service_write().unwrap();
    server.carry_out(&again, Fate::Refused);
    server.put(asks_for(service("b", 2), &["10.0.0.0"], None));
    server.settle();
    assert_eq!(server.address("b"), "");
    server.news.extend(late);
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.0");
}

#[test]
fn what_a_lost_write_gave_is_free_once_it_cannot_land() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.carry_out(&write, Fate::Lost);
    server.edit("a", |service| {
        *service = asks_for(service.clone(), &["10.0.0.1"], None)
    });
    server.put(asks_for(service("b", 2), &["10.0.0.0"], None));
    server.settle();
    assert_eq!(
        server.address("b"),
        "10.0.0.0",
        "the version of the lost write is past"
    );
}

#[test]
fn a_stale_event_after_the_write_is_not_answered() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.edit("a", |service| service.ports.clear());
    let result = Ok(Written {
        resource_version: "1000".into(),
    });
    server.ledger.handle_written(server.now, &write, result);
    server.tell_all();
    assert!(!matches!(
        server.poll_service_write(),
        Some(Write::ServiceStatus { .. })
    ));
}

#[test]
fn a_conflict_waits_for_the_newer_version() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.carry_out(&write, Fate::Conflict);
    assert_eq!(server.settle(), 0);
    server.edit("a", |_| {});
    assert!(server.settle() > 0);
    assert_eq!(server.address("a"), "10.0.0.0");
}

#[test]
fn a_failed_write_is_tried_again_after_growing_pauses() {
    let mut server = with_pending();
    let mut write = server.poll_service_write();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        server.carry_out(&write.take().unwrap(), Fate::Lost);
        let since = server.now;
        while write.is_none() {
            server.now += Duration::from_secs(1);
            server.ledger.handle_timeout(server.now);
            write = server.poll_service_write();
        }
        pauses.push((server.now - since).as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8]);
    server.carry_out(&write.unwrap(), Fate::Success);
    server.settle();
    assert_eq!(server.events_of("a").len(), 1);
}

#[test]
fn the_pause_that_the_server_asks_for_is_kept() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    let after = Some(Duration::from_secs(17));
    server
        .ledger
        .handle_written(server.now, &write, Err(WriteError::Retry { after }));
    assert_eq!(
        server.ledger.poll_timeout(),
        Some(server.now + Duration::from_secs(17))
    );
}

#[test]
fn a_write_that_landed_though_it_failed_is_not_repeated() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.carry_out(&write, Fate::LandedButLost);
    server.settle();
    let of_service = |write: &&Write| matches!(write, Write::ServiceStatus { .. });
    server.pass_time(300);
    assert_eq!(server.writes.iter().filter(of_service).count(), 1);
    assert_eq!(server.address("a"), "10.0.0.0");
}

#[test]
fn a_refused_service_holds_nothing_meanwhile() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.carry_out(&write, Fate::Refused);
    server.put(service("b", 2));
    server.put(service("c", 3));
    server.settle();
    assert_eq!(
        (server.address("b").as_str(), server.address("c").as_str()),
        ("10.0.0.0", "10.0.0.1")
    );
    server.pass_time(60);
    assert!(server.assigned("a").starts_with("False PoolExhausted"));
}

#[test]
fn a_write_to_what_is_gone_frees_its_address() {
    let mut server = with_pending();
    let write = server.poll_service_write().unwrap();
    server.delete("a");
    server.carry_out(&write, Fate::Success);
    server.put(service("b", 2));
    server.settle();
    assert_eq!(server.address("b"), "10.0.0.0");
}

#[test]
fn counts_alone_are_written_once_a_second() {
    let mut server = with_pending();
    server.put(service("b", 2));
    server.settle();
    let counted = |server: &Server| {
        server
            .writes
            .iter()
            .filter(|write| matches!(write, Write::PoolStatus { .. }))
            .count()
    };
    let before = counted(&server);
    server.delete("a");
    server.settle();
    server.put(service("a", 3));
    server.settle();
    assert_eq!(counted(&server), before, "the second is not over");
    server.pass_time(1);
    assert!(counted(&server) <= before + 1);
    assert_eq!(
        server.pools["p"]
            .value
            .as_ref()
            .unwrap()
            .counts
            .assigned_ipv4,
        2
    );
}
