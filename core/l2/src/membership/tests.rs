use alloc::vec;

use super::*;
use crate::heartbeat::{Advertising, Page, digest};

const OURS: u64 = 77;
const SEGMENT: Path = Path::Segment(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn source() -> IpAddr {
    "10.0.0.2".parse().unwrap()
}

fn entry(address: &str, claimed: bool) -> Entry {
    Entry {
        address: address.parse().unwrap(),
        weight: 0,
        candidate: true,
        claimed,
        stable: true,
        on_subnet: true,
        advertising: Advertising::Unable,
    }
}

fn heartbeat(boot: u64, sequence: u64, entries: &[Entry]) -> Heartbeat {
    let sum = |sum: u64, entry| sum.wrapping_add(digest(entry));
    Heartbeat {
        node: "n2".into(),
        boot,
        sequence,
        interval: ms(100),
        leaving: false,
        asking: false,
        macs: vec![Mac([2; 6])],
        heard: vec![OURS],
        digest: entries.iter().fold(0, sum),
        count: u32::try_from(entries.len()).unwrap(),
        changes: Vec::new(),
        page: Page {
            first: 0,
            last: u128::MAX,
            entries: entries.to_vec(),
        },
    }
}

fn claims(membership: &Membership, address: &str) -> usize {
    let address = address.parse().unwrap();
    let entries = membership.entries(address, &[1]);
    entries.filter(|(_, entry)| entry.claimed).count()
}

#[test]
fn a_process_counts_once_it_has_heard_us() {
    let mut membership = Membership::new(OURS);
    let mut deaf = heartbeat(1, 1, &[entry("10.0.0.9", true)]);
    deaf.heard = vec![5];
    let shift = membership.handle_heartbeat(ms(0), SEGMENT, source(), deaf);
    assert!(shift.unwrap().turns.is_empty());
    assert_eq!(claims(&membership, "10.0.0.9"), 0);
    let proof = heartbeat(1, 2, &[entry("10.0.0.9", true)]);
    let shift = membership.handle_heartbeat(ms(100), SEGMENT, source(), proof);
    assert_eq!(shift.unwrap().turns.len(), 1);
    assert_eq!(claims(&membership, "10.0.0.9"), 1);
}

#[test]
fn what_was_heard_before_is_a_replay_also_from_an_ended_process() {
    let mut membership = Membership::new(OURS);
    let mut hear = |now, boot, sequence| {
        let heartbeat = heartbeat(boot, sequence, &[]);
        membership
            .handle_heartbeat(ms(now), SEGMENT, source(), heartbeat)
            .map(drop)
    };
    assert_eq!(hear(0, 1, 5), Ok(()));
    assert_eq!(hear(0, 1, 5), Err(Refusal::Replayed));
    assert_eq!(hear(0, 1, 4), Ok(()), "the order may change on the way");
    assert_eq!(hear(50, 2, 1), Ok(()), "the node has started again");
    assert_eq!(hear(250, 2, 2), Ok(()));
    assert_eq!(hear(251, 1, 5), Err(Refusal::Replayed));
    assert_eq!(hear(252, 1, 4), Err(Refusal::Replayed));
    assert_eq!(hear(350, 2, 100), Ok(()));
    assert_eq!(hear(351, 2, 30), Err(Refusal::Replayed), "too old");
}

#[test]
fn a_recording_of_an_unknown_process_does_not_displace_the_living_one() {
    let mut membership = Membership::new(OURS);
    let living = heartbeat(1, 1, &[entry("10.0.0.9", true)]);
    membership
        .handle_heartbeat(ms(0), SEGMENT, source(), living)
        .unwrap();
    let mut recorded = heartbeat(9, 1, &[]);
    recorded.heard = vec![3];
    membership
        .handle_heartbeat(ms(1), SEGMENT, source(), recorded)
        .unwrap();
    assert_eq!(claims(&membership, "10.0.0.9"), 1);
}

/// It was recorded while we did not hear the node, so it names us and is no repetition.
#[test]
fn a_recording_that_was_never_heard_does_not_displace_the_living_one() {
    let mut membership = Membership::new(OURS);
    let mut hear = |now, boot, sequence| {
        membership.handle_timeout(ms(now));
        let address = if boot == 1 { "10.0.0.9" } else { "10.0.0.8" };
        let said = heartbeat(boot, sequence, &[entry(address, true)]);
        let heard = membership.handle_heartbeat(ms(now), SEGMENT, source(), said);
        (heard.map(drop), claims(&membership, "10.0.0.9"))
    };
    for turn in 1..5 {
        assert_eq!(hear(turn * 100, 1, turn), (Ok(()), 1));
        assert_eq!(hear(turn * 100 + 50, 9, turn), (Ok(()), 1));
    }
    // While the living one is not heard, it does, and no longer.
    assert_eq!(hear(760, 9, 6), (Ok(()), 0));
    assert_eq!(hear(800, 1, 5), (Ok(()), 0));
    assert_eq!(hear(960, 1, 6), (Ok(()), 1));
    assert_eq!(hear(961, 9, 6), (Err(Refusal::Replayed), 1));
}

#[test]
fn a_restart_ends_the_claims_of_the_process_before() {
    let mut membership = Membership::new(OURS);
    let before = heartbeat(1, 1, &[entry("10.0.0.9", true)]);
    membership
        .handle_heartbeat(ms(0), SEGMENT, source(), before)
        .unwrap();
    let mut shift = Shift::default();
    for (now, sequence) in [(50, 1), (250, 2)] {
        assert!(shift.turns.is_empty(), "one interval may be lost");
        let after = heartbeat(2, sequence, &[]);
        let heard = membership.handle_heartbeat(ms(now), SEGMENT, source(), after);
        shift = heard.unwrap();
    }
    let [(turn, parting)] = shift.turns.as_slice() else {
        panic!("{shift:?}");
    };
    assert!(turn.was_claimed && !turn.is_claimed);
    assert_eq!(*parting, Parting::Farewell);
}

#[test]
fn silence_ends_what_a_process_said() {
    let mut membership = Membership::new(OURS);
    let one = heartbeat(1, 1, &[entry("10.0.0.9", true)]);
    membership
        .handle_heartbeat(ms(0), SEGMENT, source(), one)
        .unwrap();
    assert!(membership.handle_timeout(ms(349)).turns.is_empty());
    let due = membership.poll_timeout().unwrap();
    let shift = membership.handle_timeout(due);
    assert_eq!((due, shift.silent.len()), (ms(350), 1));
    assert!(matches!(shift.turns.as_slice(), [(turn, Parting::Silence)] if turn.was_claimed));
    assert_eq!(claims(&membership, "10.0.0.9"), 0);
    assert!(membership.owner_of(ms(59_000), Mac([2; 6])).is_some());
    assert!(membership.owner_of(ms(61_000), Mac([2; 6])).is_none());
}

#[test]
fn who_is_cut_off_from_the_segment_does_not_count_there() {
    let mut membership = Membership::new(OURS);
    let claim = [entry("10.0.0.9", true)];
    let mut hear = |now, path, sequence| {
        let heartbeat = heartbeat(1, sequence, &claim);
        membership
            .handle_heartbeat(ms(now), path, source(), heartbeat)
            .unwrap();
        let silent = membership.handle_timeout(ms(now));
        (claims(&membership, "10.0.0.9"), silent.turns.len())
    };
    assert_eq!(hear(0, Path::Routed, 1), (1, 0), "it never was there");
    assert_eq!(hear(100, SEGMENT, 2), (1, 0));
    assert_eq!(hear(300, Path::Routed, 3), (1, 0));
    assert_eq!(hear(500, Path::Routed, 4), (0, 1));
    assert_eq!(hear(600, SEGMENT, 5), (1, 0));
}

#[test]
fn keeps_no_more_nodes_than_it_can() {
    let mut membership = Membership::new(OURS);
    for number in 0..=MOST_NODES {
        let mut heartbeat = heartbeat(1, 1, &[]);
        heartbeat.node = alloc::format!("n{number}").into();
        let heard = membership.handle_heartbeat(ms(0), SEGMENT, source(), heartbeat);
        assert_eq!(heard.is_ok(), number < MOST_NODES);
    }
    membership.handle_timeout(ms(350));
    assert_eq!(membership.lives().count(), MOST_NODES);
}

#[test]
fn forgets_who_is_gone_for_long() {
    let mut membership = Membership::new(OURS);
    membership
        .handle_heartbeat(ms(0), SEGMENT, source(), heartbeat(1, 1, &[]))
        .unwrap();
    membership.handle_timeout(ms(350));
    let due = membership
        .poll_timeout()
        .expect("somebody is to be forgotten");
    membership.handle_timeout(due);
    assert_eq!((due, membership.lives().count()), (FORGET, 0));
}

#[test]
fn a_process_that_never_proves_to_be_alive_does_not_keep_us_busy() {
    let mut membership = Membership::new(OURS);
    membership
        .handle_heartbeat(ms(0), SEGMENT, source(), heartbeat(1, 1, &[]))
        .unwrap();
    let late = FORGET + ms(1);
    let deaf = Heartbeat {
        heard: vec![5],
        ..heartbeat(2, 1, &[])
    };
    membership
        .handle_heartbeat(late, SEGMENT, source(), deaf)
        .unwrap();
    membership.handle_timeout(late);
    assert!(membership.poll_timeout().is_some_and(|due| due > late));
}

#[test]
fn believes_nothing_that_is_older_than_the_latest_whatever_way_it_comes() {
    let mut membership = Membership::new(OURS);
    let mut hear = |now, path, heartbeat| {
        let heard = membership.handle_heartbeat(ms(now), path, source(), heartbeat);
        (heard.is_ok(), claims(&membership, "10.0.0.9"))
    };
    let claim = [entry("10.0.0.9", true)];
    let other_way = Path::Segment(2);
    assert_eq!(hear(0, SEGMENT, heartbeat(1, 5, &claim)), (true, 1));
    let overtaken = heartbeat(1, 4, &[]);
    assert_eq!(hear(50, other_way, overtaken), (true, 1));
    let recorded = heartbeat(1, 3, &[]);
    assert_eq!(hear(150, other_way, recorded), (false, 1));
}

#[test]
fn who_has_gone_to_another_interface_counts_though_silent_on_the_former_one() {
    let mut membership = Membership::new(OURS);
    let claim = [entry("10.0.0.9", true)];
    let mut hear = |now, path, sequence, mac| {
        let mut heartbeat = heartbeat(1, sequence, &claim);
        heartbeat.macs = vec![Mac([mac; 6])];
        membership
            .handle_heartbeat(ms(now), path, source(), heartbeat)
            .unwrap();
        membership.handle_timeout(ms(now));
        claims(&membership, "10.0.0.9")
    };
    assert_eq!(hear(0, SEGMENT, 1, 2), 1);
    assert_eq!(hear(200, Path::Routed, 2, 4), 1);
    assert_eq!(hear(400, Path::Routed, 3, 4), 1);
}
