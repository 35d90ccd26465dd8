//! Which nodes have lost their speaker; pure, the time is passed in.
//!
//! A SpeakerState says `Ready` for itself. When its node has no ready speaker pod for a while, the
//! leader says `Unknown` in its place (`SpeakerGone`), and takes that back when a pod is ready
//! again and has not said so itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cluster::watch::{SpeakerEvent, SpeakerPod, SpeakerReady};
use model::{Condition, ConditionStatus, Name, condition_type};

/// How long a node may be without a ready pod, and how long a pod may take to speak for itself: the
/// restart of one pod is no news.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after a write that failed.
const RETRY: Duration = Duration::from_secs(5);
const GONE: &str = "SpeakerGone";
const BACK: &str = "SpeakerBack";

/// One condition to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadyWrite {
    pub(crate) node: Name,
    pub(crate) resource_version: Name,
    pub(crate) condition: Condition,
}

/// Pods and SpeakerStates as the watches tell of them.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    pods: BTreeMap<Name, SpeakerPod>,
    states: BTreeMap<Name, SpeakerReady>,
    pods_listed: bool,
    /// Whether a ready pod is on the node, and since when that is so; only for nodes with a state.
    present: BTreeMap<Name, (bool, Duration)>,
    /// When which node is to be looked at.
    due: BTreeSet<(Duration, Name)>,
}

impl Speakers {
    pub(crate) fn handle_event(&mut self, now: Duration, event: SpeakerEvent) {
        match event {
            SpeakerEvent::Pod(pod) => {
                let node = pod.node.clone();
                let former = self.pods.insert(pod.name.clone(), pod);
                former
                    .into_iter()
                    .for_each(|former| self.look(now, former.node));
                self.look(now, node);
            }
            SpeakerEvent::PodGone(name) => {
                let former = self.pods.remove(&name);
                former
                    .into_iter()
                    .for_each(|former| self.look(now, former.node));
            }
            SpeakerEvent::PodsListed(names) => {
                let names: BTreeSet<Name> = names.into_iter().collect();
                self.pods.retain(|name, _| names.contains(name));
                self.pods_listed = true;
                self.look_at_all(now);
            }
            SpeakerEvent::State(state) => {
                let node = state.node.clone();
                self.states.insert(node.clone(), state);
                self.look(now, node);
            }
            SpeakerEvent::StateGone(node) => self.forget(&node),
            SpeakerEvent::StatesListed(nodes) => {
                let nodes: BTreeSet<Name> = nodes.into_iter().collect();
                let gone: Vec<Name> = self
                    .states
                    .keys()
                    .filter(|node| !nodes.contains(*node))
                    .cloned()
                    .collect();
                gone.iter().for_each(|node| self.forget(node));
            }
        }
    }

    /// When something is to be written at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.due
            .first()
            .filter(|_| self.pods_listed)
            .map(|(at, _)| *at)
    }

    /// What is to be written now; told once, until [`Self::handle_written`] or a change.
    pub(crate) fn poll_write(&mut self, now: Duration) -> Option<ReadyWrite> {
        while self.poll_timeout().is_some_and(|at| at <= now) {
            let (_, node) = self.due.pop_first()?;
            if let Some(write) = self.examine(now, &node) {
                return Some(write);
            }
        }
        None
    }

    /// How a write ended. The watch tells what is there now; only a failure is tried again.
    pub(crate) fn handle_written(&mut self, now: Duration, node: Name, written: bool) {
        if !written {
            self.due.insert((now + RETRY, node));
        }
    }

    fn look(&mut self, now: Duration, node: Name) {
        self.due.insert((now, node));
    }

    fn look_at_all(&mut self, now: Duration) {
        self.due
            .extend(self.states.keys().map(|node| (now, node.clone())));
    }

    fn forget(&mut self, node: &Name) {
        self.states.remove(node);
        self.present.remove(node);
    }

    fn examine(&mut self, now: Duration, node: &Name) -> Option<ReadyWrite> {
        let state = self.states.get(node)?;
        let present = self.pods.values().any(|pod| pod.ready && pod.node == *node);
        let entry = self.present.entry(node.clone()).or_insert((present, now));
        if entry.0 != present {
            *entry = (present, now);
        }
        let condition = wanted(state.condition.as_ref(), present)?;
        let after = entry.1 + GRACE;
        if now < after {
            self.due.insert((after, node.clone()));
            return None;
        }
        let resource_version = state.resource_version.clone();
        Some(ReadyWrite {
            node: node.clone(),
            resource_version,
            condition,
        })
    }
}

/// The condition to write in the place of `ready`; `None`: it may stay.
fn wanted(ready: Option<&Condition>, present: bool) -> Option<Condition> {
    let says_gone = ready.is_some_and(|ready| ready.reason == GONE);
    let (status, reason, message) = match (present, says_gone) {
        (true, false) | (false, true) => return None,
        (false, false) => (
            ConditionStatus::Unknown,
            GONE,
            "No ready pod of the speaker is on this node.",
        ),
        (true, true) => (
            ConditionStatus::True,
            BACK,
            "The speaker's pod is ready again.",
        ),
    };
    Some(Condition {
        kind: condition_type::READY.into(),
        status,
        reason: reason.into(),
        message: message.to_owned(),
        observed_generation: None,
        since: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn pod(ready: bool) -> SpeakerEvent {
        SpeakerEvent::Pod(SpeakerPod {
            name: "herald-x".into(),
            node: "n1".into(),
            ready,
        })
    }

    fn state(reason: &'static str) -> SpeakerEvent {
        let condition = Condition {
            reason: reason.into(),
            ..wanted(None, false).expect("a condition")
        };
        SpeakerEvent::State(SpeakerReady {
            node: "n1".into(),
            resource_version: "5".into(),
            condition: Some(condition),
        })
    }

    fn listed() -> Speakers {
        let mut speakers = Speakers::default();
        speakers.handle_event(at(0), pod(true));
        speakers.handle_event(at(0), SpeakerEvent::PodsListed(vec!["herald-x".into()]));
        speakers.handle_event(at(0), state("SpeakerReady"));
        speakers.handle_event(at(0), SpeakerEvent::StatesListed(vec!["n1".into()]));
        speakers
    }

    #[test]
    fn says_nothing_while_the_pod_is_ready() {
        let mut speakers = listed();
        assert_eq!(speakers.poll_write(at(100)), None);
        assert_eq!(speakers.poll_timeout(), None);
    }

    #[test]
    fn speaks_for_a_node_whose_pod_is_gone_for_ten_seconds() {
        let mut speakers = listed();
        speakers.handle_event(at(20), SpeakerEvent::PodGone("herald-x".into()));
        assert_eq!(speakers.poll_write(at(20)), None);
        assert_eq!(speakers.poll_timeout(), Some(at(30)));
        let write = speakers.poll_write(at(30)).unwrap();
        assert_eq!(
            (&*write.node, &*write.condition.reason),
            ("n1", "SpeakerGone")
        );
        assert_eq!(write.condition.status, ConditionStatus::Unknown);
        assert_eq!(speakers.poll_write(at(31)), None);
    }

    #[test]
    fn a_pod_that_restarts_quickly_is_no_news() {
        let mut speakers = listed();
        speakers.handle_event(at(20), pod(false));
        assert_eq!(speakers.poll_write(at(20)), None);
        speakers.handle_event(at(25), pod(true));
        assert_eq!(speakers.poll_write(at(60)), None);
    }

    #[test]
    fn takes_it_back_when_the_speaker_does_not_speak_for_itself() {
        let mut speakers = listed();
        speakers.handle_event(at(20), pod(false));
        speakers.poll_write(at(20));
        assert!(speakers.poll_write(at(30)).is_some());
        speakers.handle_event(at(30), state("SpeakerGone"));
        assert_eq!(speakers.poll_write(at(30)), None);
        speakers.handle_event(at(40), pod(true));
        assert_eq!(speakers.poll_write(at(40)), None);
        let write = speakers.poll_write(at(50)).unwrap();
        assert_eq!(&*write.condition.reason, "SpeakerBack");
    }

    #[test]
    fn leaves_the_speakers_own_word_alone_when_it_is_back() {
        let mut speakers = listed();
        speakers.handle_event(at(20), pod(false));
        speakers.poll_write(at(20));
        speakers.poll_write(at(30));
        speakers.handle_event(at(30), state("SpeakerGone"));
        speakers.handle_event(at(40), pod(true));
        speakers.poll_write(at(40));
        speakers.handle_event(at(41), state("SpeakerReady"));
        assert_eq!(speakers.poll_write(at(90)), None);
    }

    #[test]
    fn tries_again_after_a_write_that_failed() {
        let mut speakers = listed();
        speakers.handle_event(at(20), SpeakerEvent::PodGone("herald-x".into()));
        speakers.poll_write(at(20));
        let write = speakers.poll_write(at(30)).unwrap();
        speakers.handle_written(at(31), write.node.clone(), false);
        assert_eq!(speakers.poll_timeout(), Some(at(36)));
        assert_eq!(speakers.poll_write(at(36)), Some(write));
    }

    #[test]
    fn waits_for_the_list_of_pods() {
        let mut speakers = Speakers::default();
        speakers.handle_event(at(0), state("SpeakerReady"));
        assert_eq!(speakers.poll_write(at(100)), None);
        speakers.handle_event(at(100), SpeakerEvent::PodsListed(vec![]));
        assert_eq!(speakers.poll_write(at(100)), None);
        assert!(speakers.poll_write(at(110)).is_some());
    }

    #[test]
    fn a_state_that_is_gone_is_forgotten() {
        let mut speakers = listed();
        speakers.handle_event(at(20), SpeakerEvent::PodGone("herald-x".into()));
        speakers.handle_event(at(21), SpeakerEvent::StateGone("n1".into()));
        assert_eq!(speakers.poll_write(at(100)), None);
    }
}
