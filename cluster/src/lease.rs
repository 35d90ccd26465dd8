//! One writer at a time: a Lease (coordination.k8s.io/v1) that one process holds.
//!
//! leaseDuration 15 s, renewDeadline 10 s, retry 2 s, request timeout 4 s. Writers behind
//! [`Lease::gate`] start nothing once the renewal is overdue; a process that lost the Lease exits.

mod rule;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease as Object, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, api::PostParams};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{
    Gate, Target, WriteError, Writer,
    lease::rule::{Candidate, DURATION, Record, Step},
    writer::TIMEOUT,
};

/// A Lease that this process wants to hold, or holds.
#[derive(Debug)]
pub struct Lease {
    writer: Writer,
    namespace: String,
    name: String,
    identity: String,
    candidate: Candidate,
    /// Zero of the candidate's clock.
    start: Instant,
    until: watch::Sender<Instant>,
    /// As last read or written; what is not ours in it is written back.
    object: Option<Object>,
}

/// Another process may hold the Lease now. This one must exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Lease is lost: another replica may lead now")]
pub struct Lost;

impl Lease {
    /// Nothing is sent yet. `identity` must be of this process alone, never used again.
    pub fn new(writer: &Writer, namespace: &str, name: &str, identity: &str) -> Self {
        let start = Instant::now();
        Self {
            writer: writer.behind(Gate::open()),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: identity.to_owned(),
            candidate: Candidate::new(identity.to_owned()),
            start,
            until: watch::Sender::new(start),
            object: None,
        }
    }

    /// Shut until the Lease is held, and again 10 s after the last renewal began.
    pub fn gate(&self) -> Gate {
        Gate::until(self.until.subscribe())
    }

    /// Waits until this process holds the Lease, however long that takes.
    ///
    /// # Errors
    /// It was held for a moment and lost at once.
    pub async fn acquire(&mut self) -> Result<(), Lost> {
        while self.candidate.may_write_until().is_none() {
            self.step().await?;
        }
        Ok(())
    }

    /// Renews for as long as that works.
    pub async fn keep(&mut self) -> Lost {
        loop {
            if let Err(lost) = self.step().await {
                return lost;
            }
        }
    }

    /// Gives the Lease away, so that another replica may take it at once. Call it when no write is
    /// under way any more. Not being able to is no error: the Lease expires.
    pub async fn release(mut self) {
        self.until.send_replace(self.start);
        // A renewal that was given up half way may have changed the version.
        self.read().await;
        let Some(record) = self.candidate.held() else {
            return;
        };
        let version = Some(record.version.clone());
        if let Err(error) = self.write(version, "", Duration::from_secs(1)).await {
            tracing::warn!(%error, lease = self.name, "cannot release the Lease; it expires");
        }
    }

    async fn step(&mut self) -> Result<(), Lost> {
        match self.candidate.poll(self.start.elapsed()) {
            Step::Wait(pause) => sleep(pause).await,
            Step::Read => self.read().await,
            Step::Claim(version) => self.claim(version).await,
            Step::Lost => {
                self.until.send_replace(self.start);
                return Err(Lost);
            }
        }
        Ok(())
    }

    async fn read(&mut self) {
        let started = self.start.elapsed();
        let answer = timeout(TIMEOUT, self.api().get_opt(&self.name)).await;
        let now = self.start.elapsed();
        match answer {
            Ok(Ok(object)) => {
                self.candidate.handle_read(now, object.as_ref().map(record));
                self.object = object;
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, lease = self.name, "cannot read the Lease");
                self.candidate.handle_failed(started, now);
            }
            Err(_elapsed) => {
                tracing::warn!(
                    lease = self.name,
                    "cannot read the Lease: no answer in time"
                );
                self.candidate.handle_failed(started, now);
            }
        }
    }

    async fn claim(&mut self, version: Option<String>) {
        let started = self.start.elapsed();
        let identity = self.identity.clone();
        let result = self.write(version, &identity, DURATION).await;
        let now = self.start.elapsed();
        match result {
            Ok(record) => self.candidate.handle_claimed(started, now, record),
            Err(WriteError::Conflict | WriteError::NotFound) => self.candidate.handle_conflict(now),
            Err(
                error @ (WriteError::Refused(_)
                | WriteError::Busy { .. }
                | WriteError::Retry { .. }),
            ) => {
                tracing::warn!(%error, lease = self.name, "cannot write the Lease");
                self.candidate.handle_failed(started, now);
            }
        }
        let until = self.candidate.may_write_until();
        self.until
            .send_replace(until.map_or(self.start, |until| self.start + until));
    }

    async fn write(
        &mut self,
        version: Option<String>,
        holder: &str,
        duration: Duration,
    ) -> Result<Record, WriteError> {
        let former = self.object.take().filter(|_| version.is_some());
        let object = next(
            former.as_ref(),
            &self.name,
            version,
            holder,
            duration,
            Timestamp::now(),
        );
        self.object = former;
        let (api, params) = (self.api(), PostParams::default());
        let written = match &object.metadata.resource_version {
            None => {
                self.writer
                    .bounded(Target::Lease, api.create(&params, &object))
                    .await?
            }
            Some(_) => {
                let request = api.replace(&self.name, &params, &object);
                self.writer.bounded(Target::Lease, request).await?
            }
        };
        let record = record(&written);
        self.object = Some(written);
        Ok(record)
    }

    fn api(&self) -> Api<Object> {
        Api::namespaced(self.writer.client().clone(), &self.namespace)
    }
}

fn record(object: &Object) -> Record {
    let spec = object.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        version: object.metadata.resource_version.clone().unwrap_or_default(),
        holder: spec
            .and_then(|spec| spec.holder_identity.clone())
            .unwrap_or_default(),
        duration: seconds.map_or(DURATION, Duration::from_secs),
    }
}

/// The object to write: `former` with another holder, or renewed.
fn next(
    former: Option<&Object>,
    name: &str,
    version: Option<String>,
    holder: &str,
    duration: Duration,
    now: Timestamp,
) -> Object {
    let spec = former.and_then(|former| former.spec.as_ref());
    let same = spec.and_then(|spec| spec.holder_identity.as_deref()) == Some(holder);
    let acquired = spec
        .filter(|_| same)
        .and_then(|spec| spec.acquire_time.clone());
    let transitions = spec.map_or(0, |spec| {
        spec.lease_transitions
            .unwrap_or_default()
            .saturating_add(i32::from(!same && !holder.is_empty()))
    });
    let metadata = former.map_or_else(ObjectMeta::default, |former| former.metadata.clone());
    Object {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            resource_version: version,
            ..metadata
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
            acquire_time: Some(acquired.unwrap_or(MicroTime(now))),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(transitions),
            ..spec.cloned().unwrap_or_default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_renewal_keeps_the_time_of_acquisition() {
        let first = next(None, "herald", None, "a", DURATION, time(100));
        let renewed = next(
            Some(&first),
            "herald",
            Some("1".into()),
            "a",
            DURATION,
            time(102),
        );
        let spec = renewed.spec.unwrap();
        assert_eq!(spec.acquire_time, Some(MicroTime(time(100))));
        assert_eq!(spec.renew_time, Some(MicroTime(time(102))));
        assert_eq!(spec.lease_transitions, Some(0));
        assert_eq!(renewed.metadata.resource_version.as_deref(), Some("1"));
    }

    #[test]
    fn a_change_of_holder_counts_as_transition() {
        let first = next(None, "herald", None, "a", DURATION, time(100));
        let free = next(
            Some(&first),
            "herald",
            Some("1".into()),
            "",
            DURATION,
            time(101),
        );
        assert_eq!(record(&free).holder, "");
        let second = next(
            Some(&free),
            "herald",
            Some("2".into()),
            "b",
            DURATION,
            time(102),
        );
        let spec = second.spec.unwrap();
        assert_eq!(spec.lease_transitions, Some(1));
        assert_eq!(spec.acquire_time, Some(MicroTime(time(102))));
    }
}
