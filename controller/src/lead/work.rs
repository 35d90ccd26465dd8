//! Work under way: how it starts and what its end means.

use std::time::Duration;

use cluster::{
    WriteError,
    event::create,
    status::{apply_ready, sweep_services},
};
use ipam::{Write, Written};
use model::Name;

use crate::{
    lead::{IN_FLIGHT, Leader, READY_IN_FLIGHT, heartbeat::keep_keys},
    outbox::Letter,
    speakers::ReadyWrite,
    write::{carry_out, event, for_ledger, object},
};

/// Pause before a sweep that failed is tried again.
const SWEEP_PAUSE: Duration = Duration::from_secs(30);

/// What the key of heartbeats is looked at after, and after a failure.
const KEY_INTERVAL: Duration = Duration::from_secs(60);
const KEY_PAUSE: Duration = Duration::from_secs(5);

/// Work that has ended.
#[derive(Debug)]
pub(super) enum Done {
    Write(Write, Result<Written, WriteError>),
    Event(Letter, Result<(), WriteError>),
    Ready(Name, Result<(), WriteError>),
    Sweep(Result<usize, WriteError>),
    HeartbeatKey(Result<(), WriteError>),
}

impl Leader {
    /// Starts what is due and has room.
    pub(super) fn start_work(&mut self) {
        let now = self.now();
        self.metrics.set_events_dropped(self.outbox.dropped());
        if now < self.paused_until {
            return;
        }
        while self.writes < IN_FLIGHT {
            let Some(write) = self.ledger.poll_write(now) else {
                break;
            };
            self.writes += 1;
            let writer = self.writer.clone();
            self.work.spawn(async move {
                let result = carry_out(&writer, &write).await;
                Done::Write(write, result)
            });
        }
        self.metrics.set_writes_in_flight(self.writes);
        while self.ready_writes < READY_IN_FLIGHT {
            let Some(write) = self.speakers.poll_write(now) else {
                break;
            };
            self.ready_writes += 1;
            self.start_ready(write);
        }
        while let Some(letter) = self.outbox.poll(now, self.writes) {
            let (writer, reporter) = (self.writer.clone(), self.reporter.clone());
            self.work.spawn(async move {
                let result = create(&writer, &reporter, &letter.event).await;
                Done::Event(letter, result)
            });
        }
        self.start_upkeep(now);
    }

    fn start_upkeep(&mut self, now: Duration) {
        if self.heartbeat_key_at.is_some_and(|at| at <= now) {
            self.heartbeat_key_at = None;
            let (writer, namespace) = (self.writer.clone(), self.namespace.clone());
            let rotation = self.heartbeat_key_rotation;
            self.work.spawn(async move {
                Done::HeartbeatKey(keep_keys(&writer, &namespace, rotation).await)
            });
        }
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep_at = None;
            let writer = self.writer.clone();
            self.work
                .spawn(async move { Done::Sweep(sweep_services(&writer).await) });
        }
    }

    fn start_ready(&mut self, write: ReadyWrite) {
        let writer = self.writer.clone();
        self.work.spawn(async move {
            let ReadyWrite {
                node,
                resource_version,
                condition,
            } = write;
            let result = apply_ready(&writer, &node, &resource_version, &condition).await;
            Done::Ready(node, result)
        });
    }

    /// Takes in what has ended.
    pub(super) fn finish(&mut self, done: Done) {
        let now = self.now();
        match done {
            Done::Write(write, result) => self.finish_write(now, write, result),
            Done::Event(letter, result) => self.outbox.handle_sent(now, letter, result),
            Done::Ready(node, result) => {
                self.ready_writes = self.ready_writes.saturating_sub(1);
                // After a conflict the watch tells what is there now.
                let settled = matches!(
                    result,
                    Ok(()) | Err(WriteError::Conflict | WriteError::NotFound)
                );
                self.speakers.handle_written(now, node, settled);
            }
            Done::HeartbeatKey(result) => self.heartbeat_key_at = Some(now + key_pause(result)),
            Done::Sweep(Ok(cleared)) => {
                tracing::info!(
                    cleared,
                    "stale conditions of Services of other types are swept"
                );
            }
            Done::Sweep(Err(error)) => {
                tracing::warn!(%error, "sweep of stale conditions failed");
                self.sweep_at = Some(now + SWEEP_PAUSE);
            }
        }
    }

    fn finish_write(&mut self, now: Duration, write: Write, result: Result<Written, WriteError>) {
        self.writes = self.writes.saturating_sub(1);
        self.metrics.count_outcome(&write, &result);
        match result {
            Ok(written) => {
                self.ledger.handle_written(now, &write, Ok(written));
                event(write)
                    .into_iter()
                    .for_each(|event| self.outbox.push(event));
            }
            Err(error) => {
                let object = object(&write);
                match &error {
                    WriteError::Busy { after } => self.paused_until = now + *after,
                    WriteError::Refused(_) => tracing::warn!(object, %error, "status not written"),
                    WriteError::Conflict | WriteError::NotFound | WriteError::Retry { .. } => {
                        tracing::debug!(object, %error, "status not written");
                    }
                }
                self.ledger
                    .handle_written(now, &write, Err(for_ledger(&error)));
            }
        }
    }
}

/// When the key of heartbeats is looked at again.
fn key_pause(result: Result<(), WriteError>) -> Duration {
    let Err(error) = result else {
        return KEY_INTERVAL;
    };
    match error {
        // Somebody else has written it, which is as good; it is looked at again all the same.
        WriteError::Conflict => return KEY_PAUSE,
        WriteError::NotFound
        | WriteError::Refused(_)
        | WriteError::Retry { .. }
        | WriteError::Busy { .. } => {}
    }
    tracing::warn!(%error, "Secret herald-heartbeat is not kept; it is tried again");
    match error {
        WriteError::Refused(_) => KEY_INTERVAL,
        WriteError::Busy { after }
        | WriteError::Retry {
            after: Some(after), ..
        } => KEY_PAUSE.max(after),
        WriteError::Conflict | WriteError::NotFound | WriteError::Retry { after: None, .. } => {
            KEY_PAUSE
        }
    }
}
