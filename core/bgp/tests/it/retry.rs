//! How long a speaker waits before it dials again.

use std::time::Duration;

use bgp::{ConnectionId, Notice, Speaker, State};

use crate::pair::{config, local};

/// Longest waits, in seconds, after the first failures in a row (RFC 4271 sections 8.1.1 and 10 leave the growth to us).
const LONGEST: [u64; 8] = [1, 2, 4, 8, 16, 30, 30, 30];

/// The waits between dials of which each ends as `fail` has it.
fn waits(fail: impl Fn(&mut Speaker, Duration, ConnectionId)) -> Vec<Duration> {
    let mut speaker = Speaker::new(7);
    let (mut now, mut before) = (Duration::from_secs(1), None);
    let mut waits = vec![];
    speaker.handle_peers(now, [config(0)]);
    while waits.len() < LONGEST.len() {
        while let Some(notice) = speaker.poll_notice() {
            if let Notice::Dial(dial) = notice {
                waits.extend(before.map(|before| now - before));
                before = Some(now);
                fail(&mut speaker, now, dial.connection);
            }
        }
        now = speaker.poll_timeout().expect("it tries again").max(now);
        speaker.handle_timeout(now);
    }
    waits
}

/// Three quarters of the longest wait at least, and not the same each time.
fn grow_with_jitter(waits: &[Duration]) {
    for (wait, longest) in waits.iter().zip(LONGEST.map(Duration::from_secs)) {
        let range = longest * 3 / 4..=longest;
        assert!(range.contains(wait), "{wait:?} is not in {range:?}");
    }
    let last = &waits[waits.len() - 3..];
    assert!(last.windows(2).all(|pair| pair[0] != pair[1]), "{last:?}");
}

#[test]
fn the_connect_retry_time_grows_to_half_a_minute_with_jitter() {
    grow_with_jitter(&waits(|speaker, now, connection| {
        speaker.handle_connect_failed(now, connection, "refused".into());
        let state = speaker.sessions().next().unwrap().state;
        assert_eq!(state, State::Active, "it can be reached meanwhile");
    }));
}

#[test]
fn the_idle_hold_after_an_error_grows_to_half_a_minute_with_jitter() {
    grow_with_jitter(&waits(|speaker, now, connection| {
        speaker.handle_connected(now, connection, local(0));
        speaker.handle_bytes(now, connection, &[0; 19]);
        let state = speaker.sessions().next().unwrap().state;
        assert_eq!(state, State::Idle);
    }));
}
