//! Events on Services about layer 2: which node answers their address, and who else claims it.

mod outbox;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use cluster::{
    WriteError, Writer,
    event::{self, Reporter, ServiceEvent},
};
use jiff::Timestamp;
use l2::{Conflict, Notice};
use model::{Name, ServiceKey};
use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep_until, timeout},
};

use crate::planner::{Query, ask};
use outbox::{Letter, Outbox, Topic};

/// How long the planner may take to say whose an address is.
const ANSWER: Duration = Duration::from_secs(5);
/// `reportingController`.
const CONTROLLER: &str = "heraldlb.io/herald-speaker";

/// Tells the owners of Services what happens to their addresses on layer 2.
pub(crate) struct EventReporter {
    pub(crate) node: Name,
    pub(crate) started: Instant,
    pub(crate) writer: Writer,
    pub(crate) queries: mpsc::Sender<Query>,
    pub(crate) notices: mpsc::Receiver<Notice>,
    /// Events that were left out.
    pub(crate) dropped: Counter,
}

impl EventReporter {
    /// Runs until dropped, or until nobody tells anything any more.
    pub(crate) async fn run(mut self) {
        let mut outbox = Outbox::default();
        let mut write = JoinSet::new();
        loop {
            let now = self.started.elapsed();
            if write.is_empty() {
                outbox
                    .poll(now)
                    .into_iter()
                    .for_each(|letter| self.start(&mut write, letter));
            }
            self.dropped
                .inc_by(outbox.dropped().saturating_sub(self.dropped.get()));
            let due = outbox.poll_timeout();
            let waits = due.is_some() && write.is_empty();
            let due = self.started + due.unwrap_or_default();
            tokio::select! {
                notice = self.notices.recv() => match notice {
                    Some(notice) => self.handle_notice(&mut outbox, notice).await,
                    None => return,
                },
                Some(written) = write.join_next() => match written {
                    Ok((letter, result)) => {
                        outbox.handle_written(self.started.elapsed(), letter, result);
                    }
                    Err(error) => tracing::error!(%error, "an Event was not written"),
                },
                () = sleep_until(due.into()), if waits => {}
            }
        }
    }

    /// Puts one letter to each Service of the address into the outbox.
    async fn handle_notice(&self, outbox: &mut Outbox, notice: Notice) {
        let Some(story) = Story::of(&self.node, notice) else {
            return;
        };
        let now = self.started.elapsed();
        // Under a flood the planner is not asked either.
        if !outbox.has_room(now, (story.address, story.topic)) {
            return outbox.leave_out(1);
        }
        let address = story.address;
        let holders = ask(&self.queries, move |planner| {
            let holders = planner.holders_of(address);
            holders
                .map(|(key, uid)| (key.clone(), uid.clone()))
                .collect::<BTreeMap<ServiceKey, Name>>()
        });
        let Ok(Some(holders)) = timeout(ANSWER, holders).await else {
            return outbox.leave_out(1);
        };
        outbox.push(now, story.letters(now, holders));
    }

    fn start(&self, write: &mut JoinSet<(Letter, Result<(), WriteError>)>, letter: Letter) {
        let writer = self.writer.clone();
        let reporter = Reporter {
            controller: CONTROLLER,
            instance: self.node.to_string(),
        };
        write.spawn(async move {
            let result = event::create(&writer, &reporter, &letter.event).await;
            (letter, result)
        });
    }
}

/// What is worth an Event.
struct Story {
    address: IpAddr,
    topic: Topic,
    reason: &'static str,
    action: &'static str,
    message: String,
}

impl Story {
    fn of(node: &str, notice: Notice) -> Option<Self> {
        match notice {
            Notice::Owned {
                address,
                interfaces,
                gain,
            } => Some(Self {
                address,
                topic: Topic::Owner,
                reason: "L2Owner",
                action: "Answer",
                message: format!(
                    "node {node} answers {address} on {} ({})",
                    interfaces.join(", "),
                    gain.as_str()
                ),
            }),
            Notice::Conflict(Conflict {
                address,
                mac,
                interface,
            }) => Some(Self {
                address,
                topic: Topic::Conflict,
                reason: "L2Conflict",
                action: "Defend",
                message: format!(
                    "the host with MAC {mac} on {interface} of node {node} claims {address}, which this node answers; take \
                     the address from that host, or out of the IPAddressPool"
                ),
            }),
            Notice::Lost { .. } | Notice::Stopped => None,
        }
    }

    fn letters(self, now: Duration, holders: BTreeMap<ServiceKey, Name>) -> Vec<Letter> {
        let at = Timestamp::now();
        let letter = |(key, uid)| Letter {
            address: self.address,
            topic: self.topic,
            since: now,
            event: ServiceEvent {
                key,
                uid,
                reason: self.reason.to_owned(),
                action: self.action,
                warning: self.topic == Topic::Conflict,
                message: self.message.clone(),
                at: Some(at),
            },
        };
        holders.into_iter().map(letter).collect()
    }
}
