use std::time::{Duration, Instant};

use cluster::{WriteError, Writer, status::apply_speaker_state};
use crds::{SpeakerState, SpeakerStateSpec, SpeakerStateStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use model::Name;
use tokio::sync::watch;

use super::{
    compose::{Author, Known},
    schedule::Schedule,
};
use crate::{
    io::{bfd::BfdState, bgp::Observed, l2::L2State},
    kernel::KernelState,
    planner::Facts,
    run::random,
};

/// Keeps this node's SpeakerState up to date.
pub(crate) struct Reporter {
    pub(crate) node: Name,
    pub(crate) started: Instant,
    pub(crate) author: Author,
    pub(crate) writer: Writer,
    pub(crate) facts: watch::Receiver<Facts>,
    pub(crate) observed: watch::Receiver<Observed>,
    pub(crate) kernel: watch::Receiver<KernelState>,
    pub(crate) l2: watch::Receiver<L2State>,
    pub(crate) bfd: watch::Receiver<BfdState>,
    pub(crate) needs_strict_arp: watch::Receiver<bool>,
}

impl Reporter {
    /// Runs until dropped, or until one of its sources has ended.
    pub(crate) async fn run(mut self) {
        let mut schedule = Schedule::new();
        loop {
            let now = self.started.elapsed();
            schedule.handle_status(now, &self.status(now, &schedule), random());
            let due = schedule.poll_timeout();
            tokio::select! {
                changed = self.facts.changed() => if changed.is_err() { return },
                changed = self.observed.changed() => if changed.is_err() { return },
                changed = self.kernel.changed() => if changed.is_err() { return },
                changed = self.l2.changed() => if changed.is_err() { return },
                changed = self.bfd.changed() => if changed.is_err() { return },
                changed = self.needs_strict_arp.changed() => if changed.is_err() { return },
                () = until(self.started, due) => self.write(&mut schedule).await,
            }
        }
    }

    fn status(&mut self, now: Duration, schedule: &Schedule) -> SpeakerStateStatus {
        let former = schedule
            .written()
            .map_or(&[][..], |written| &written.conditions);
        let known = Known {
            facts: &self.facts.borrow_and_update(),
            observed: &self.observed.borrow_and_update(),
            kernel: &self.kernel.borrow_and_update(),
            l2: &self.l2.borrow_and_update(),
            bfd: &self.bfd.borrow_and_update(),
            needs_strict_arp: *self.needs_strict_arp.borrow_and_update(),
        };
        self.author.compose(now, known, former)
    }

    async fn write(&mut self, schedule: &mut Schedule) {
        let status = self.status(self.started.elapsed(), schedule);
        let uid = self.facts.borrow().node_uid.clone();
        let result = match uid {
            Some(uid) => {
                let state = self.state(&uid, status.clone());
                apply_speaker_state(&self.writer, &state).await
            }
            // An object without owner would outlive its node.
            None => Err(WriteError::Refused(format!(
                "Node {} is not known",
                self.node
            ))),
        };
        let now = self.started.elapsed();
        match result {
            Ok(()) => schedule.handle_written(now, status),
            Err(error) => {
                tracing::warn!(%error, "cannot write SpeakerState; it is tried again");
                let after = match error {
                    WriteError::Retry { after, .. } => after,
                    WriteError::Busy { after } => Some(after),
                    WriteError::Conflict | WriteError::NotFound | WriteError::Refused(_) => None,
                };
                schedule.handle_failed(now, after);
            }
        }
    }

    fn state(&self, uid: &str, status: SpeakerStateStatus) -> SpeakerState {
        let mut state = SpeakerState::new(&self.node, SpeakerStateSpec::default());
        state.metadata.owner_references = Some(vec![OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            name: self.node.to_string(),
            uid: uid.to_owned(),
            ..OwnerReference::default()
        }]);
        state.status = Some(status);
        state
    }
}

async fn until(started: Instant, due: Option<Duration>) {
    match due {
        Some(due) => tokio::time::sleep_until((started + due).into()).await,
        None => std::future::pending().await,
    }
}
