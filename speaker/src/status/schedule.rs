use std::time::Duration;

use crds::SpeakerStateStatus;

/// Longest delay of a change of state, so that many nodes do not write at the same moment.
const JITTER: Duration = Duration::from_secs(5);
/// Shortest delay of a change of layer 2 alone: addresses move in bursts, and one write tells of all of them.
const BURST: Duration = Duration::from_secs(1);
/// Time between two writes that only counters call for. What somebody else changed is mended then, too.
const COUNTERS: Duration = Duration::from_secs(300);
/// First and longest pause after a failed write.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Decides when the status is written: pure, so that time can be made up.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// What the API server has.
    written: Option<SpeakerStateStatus>,
    due: Option<Duration>,
    pause: Duration,
}

impl Schedule {
    pub(crate) fn new() -> Self {
        Self {
            written: None,
            due: None,
            pause: RETRY.0,
        }
    }

    /// What was written last.
    pub(crate) fn written(&self) -> Option<&SpeakerStateStatus> {
        self.written.as_ref()
    }

    /// The status to be written is `status` now; `jitter` is a random number from 0 to 1.
    pub(crate) fn handle_status(
        &mut self,
        now: Duration,
        status: &SpeakerStateStatus,
        jitter: f64,
    ) {
        let status = essence(status);
        let written = self.written.as_ref().map(essence);
        if written.as_ref() == Some(&status) {
            return;
        }
        let layer_2_alone =
            written.is_some_and(|written| without_addresses(written) == without_addresses(status));
        let least = match layer_2_alone {
            true => BURST,
            false => Duration::ZERO,
        };
        let due = now + least + (JITTER - least).mul_f64(jitter.clamp(0.0, 1.0));
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// `status` was written at `now`.
    pub(crate) fn handle_written(&mut self, now: Duration, status: SpeakerStateStatus) {
        self.written = Some(status);
        self.pause = RETRY.0;
        self.due = Some(now + COUNTERS);
    }

    /// Writing failed; the API server may ask for a pause of its own.
    pub(crate) fn handle_failed(&mut self, now: Duration, after: Option<Duration>) {
        self.due = Some(now + self.pause.max(after.unwrap_or_default()));
        self.pause = (self.pause * 2).min(RETRY.1);
    }

    /// When the status is to be written.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.due
    }
}

/// The status without what may wait: counters and times.
fn essence(status: &SpeakerStateStatus) -> SpeakerStateStatus {
    let mut essence = status.clone();
    essence.announced = Default::default();
    for session in &mut essence.sessions {
        session.since.clear();
        session.flaps = 0;
        session.prefixes_received = 0;
        session.prefixes_advertised = 0;
    }
    if let Some(network) = &mut essence.pod_network {
        (network.direct_routes, network.imported_routes) = (0, 0);
    }
    for condition in &mut essence.conditions {
        condition.last_transition_time.clear();
    }
    essence
}

fn without_addresses(mut essence: SpeakerStateStatus) -> SpeakerStateStatus {
    (essence.l2, essence.l2_truncated) = (Vec::new(), false);
    essence
}

#[cfg(test)]
mod tests {
    use crds::{Announced, L2Status, PodNetworkMode, PodNetworkState, SessionStatus};

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn status(state: &str, announced: i64) -> SpeakerStateStatus {
        let session = SessionStatus {
            state: state.to_owned(),
            ..SessionStatus::default()
        };
        let announced = Announced {
            bgp: announced,
            l2: announced,
        };
        SpeakerStateStatus {
            sessions: vec![session],
            announced,
            ..SpeakerStateStatus::default()
        }
    }

    fn written() -> Schedule {
        let mut schedule = Schedule::new();
        schedule.handle_written(seconds(0), status("Idle", 0));
        schedule
    }

    #[test]
    fn a_change_of_state_is_written_within_five_seconds() {
        for (jitter, due) in [(0.0, 10), (0.4, 12), (1.0, 15)] {
            let mut schedule = written();
            schedule.handle_status(seconds(10), &status("Established", 0), jitter);
            assert_eq!(schedule.poll_timeout(), Some(seconds(due)));
        }
    }

    #[test]
    fn more_changes_do_not_delay_the_write() {
        let mut schedule = written();
        schedule.handle_status(seconds(10), &status("Connect", 0), 0.2);
        schedule.handle_status(seconds(11), &status("Established", 0), 1.0);
        assert_eq!(schedule.poll_timeout(), Some(seconds(11)));
    }

    #[test]
    fn counters_wait_for_their_five_minutes() {
        let mut schedule = written();
        schedule.handle_status(seconds(10), &status("Idle", 7), 0.0);
        assert_eq!(schedule.poll_timeout(), Some(seconds(300)));
    }

    #[test]
    fn numbers_of_routes_are_counters_and_missing_routes_are_not() {
        let network = |imported_routes, uninstalled| SpeakerStateStatus {
            pod_network: Some(PodNetworkState {
                mode: PodNetworkMode::Network,
                pod_cidrs: Vec::new(),
                direct_routes: 0,
                imported_routes,
                uninstalled,
            }),
            ..SpeakerStateStatus::default()
        };
        let mut schedule = Schedule::new();
        schedule.handle_written(seconds(0), network(1, Vec::new()));
        schedule.handle_status(seconds(10), &network(2, Vec::new()), 0.0);
        assert_eq!(schedule.poll_timeout(), Some(seconds(300)));
        schedule.handle_status(seconds(10), &network(2, vec![Default::default()]), 0.0);
        assert_eq!(schedule.poll_timeout(), Some(seconds(10)));
    }

    fn answering(addresses: u64) -> SpeakerStateStatus {
        let address = |number| L2Status {
            address: format!("10.9.0.{number}"),
            interfaces: vec!["eth1".to_owned()],
        };
        SpeakerStateStatus {
            l2: (0..addresses).map(address).collect(),
            ..status("Idle", 0)
        }
    }

    #[test]
    fn fifty_addresses_that_move_are_one_write() {
        for jitter in [0.0, 0.5, 1.0] {
            let mut schedule = written();
            let mut writes = Vec::new();
            for step in 0..1_000 {
                let now = seconds(10) + Duration::from_millis(step * 10);
                // One address each 18 ms.
                let status = answering((step * 10 / 18).min(50));
                schedule.handle_status(now, &status, jitter);
                if schedule.poll_timeout().is_some_and(|due| due <= now) {
                    schedule.handle_written(now, status);
                    writes.push(now);
                }
            }
            assert_eq!(writes.len(), 1, "{jitter}: {writes:?}");
            assert!(
                writes[0] > seconds(11) && writes[0] <= seconds(16),
                "{writes:?}"
            );
            let last = schedule.written().unwrap();
            assert_eq!(last.l2.len(), 50);
        }
    }

    #[test]
    fn another_change_of_state_does_not_wait_for_a_burst_to_end() {
        let mut schedule = written();
        schedule.handle_status(seconds(10), &answering(1), 0.0);
        assert_eq!(schedule.poll_timeout(), Some(seconds(11)));
        schedule.handle_status(seconds(10), &status("Established", 0), 0.0);
        assert_eq!(schedule.poll_timeout(), Some(seconds(10)));
    }

    #[test]
    fn failures_are_retried_with_growing_pauses() {
        let mut schedule = written();
        schedule.handle_status(seconds(0), &status("Established", 0), 0.0);
        let mut pauses = Vec::new();
        let mut now = seconds(0);
        for _ in 0..7 {
            schedule.handle_failed(now, None);
            let due = schedule.poll_timeout().unwrap();
            pauses.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
        schedule.handle_failed(now, Some(seconds(90)));
        assert_eq!(schedule.poll_timeout(), Some(now + seconds(90)));
    }
}
