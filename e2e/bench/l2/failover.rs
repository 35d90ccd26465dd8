//! One node fails and comes back, while both clients look on.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::bench::Capture;
use e2e::condition::Seen;
use e2e::netns::{Daemon, Signal};

use crate::client::{self, INTERVAL};
use crate::frame;
use crate::rig::{Client, Node, Rig};
use crate::timeline::{Heard, Kind, Mac, Move, Timeline};

const PATIENCE: Duration = Duration::from_secs(60);
/// After an address has moved, so that what happens late is seen too.
const PAUSE: Duration = Duration::from_secs(1);
/// An answer is recent for so long.
const RECENT: Duration = INTERVAL.saturating_mul(10);

/// What happens to the node that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Its speaker is killed.
    Kill,
    /// Its speaker is stopped, and goes on later.
    Stop,
    /// Its wire is cut.
    Link,
    /// Its speaker is asked to end.
    Drain,
}

impl Failure {
    pub(crate) const ALL: [Self; 4] = [Self::Kill, Self::Stop, Self::Link, Self::Drain];
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Link => "link",
            Self::Drain => "drain",
        })
    }
}

/// Times of one move, IPv4 first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Longest time without an answer, at the client that had to wait longer.
    pub(crate) gaps: [f64; 2],
    /// For how long two nodes answered.
    pub(crate) overlaps: [f64; 2],
}

/// The node that answers both addresses, and everybody who looks on.
pub(crate) struct Stage<'a> {
    pub(crate) rig: &'a Rig,
    pub(crate) victim: &'a Node,
    pub(crate) addresses: [IpAddr; 2],
    /// The victim's speaker.
    pub(crate) speaker: Option<Daemon>,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) folder: &'a Path,
    pub(crate) ears: Ears,
}

impl Stage<'_> {
    /// Waits until the node answers both.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        let victim = self.victim.mac;
        self.ears
            .await_owners("the first node answers", self.addresses, |mac| {
                mac == victim
            })
            .await
            .map(drop)
    }

    /// Lets it fail and come back: how both addresses went, and how they returned.
    pub(crate) async fn play(&mut self, failure: Failure) -> Result<[Times; 2]> {
        self.begin().await;
        let since = now()?;
        self.inflict(failure).await?;
        let victim = self.victim.mac;
        let successors = self
            .ears
            .await_owners("other nodes answer", self.addresses, |mac| mac != victim)
            .await?;
        let away = successors.map(|to| Move {
            since,
            from: victim,
            to,
        });
        let away = self.ears.times(self.addresses, away)?;
        self.begin().await;
        let since = now()?;
        self.repair(failure).await?;
        let back = successors.map(|from| Move {
            since,
            from,
            to: victim,
        });
        self.settle().await?;
        let back = self.ears.times(self.addresses, back)?;
        Ok([away, back])
    }

    /// The last answers before it happens are needed too.
    async fn begin(&mut self) {
        self.ears.forget();
        tokio::time::sleep(RECENT).await;
    }

    async fn inflict(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Kill => {
                drop(self.speaker.take().context("a speaker")?);
                Ok(())
            }
            Failure::Stop => self.signal(Signal::Stop).await,
            Failure::Link => self.rig.set_link(self.victim, false).await,
            Failure::Drain => self.signal(Signal::Term).await,
        }
    }

    async fn repair(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Kill | Failure::Drain => {
                // It has ended, or is reaped now.
                if let Some(ended) = self.speaker.take() {
                    ended.stop().await?;
                }
                self.speaker = Some(self.victim.start(&self.kubeconfig, self.folder)?);
                Ok(())
            }
            Failure::Stop => self.signal(Signal::Cont).await,
            Failure::Link => self.rig.set_link(self.victim, true).await,
        }
    }

    async fn signal(&self, signal: Signal) -> Result<()> {
        let speaker = self.speaker.as_ref().context("a speaker")?;
        speaker.signal(signal).await
    }
}

/// What both clients send, and hear.
pub(crate) struct Ears {
    pinging: Ear,
    asking: Ear,
}

struct Ear {
    capture: Capture,
    heard: Vec<Heard>,
    answer: Kind,
    _sender: Daemon,
}

impl Ears {
    /// Starts the clients.
    pub(crate) fn start(rig: &Rig, addresses: [IpAddr; 2], folder: &Path) -> Result<Self> {
        let ear = |client: &Client, program: &str, answer| -> Result<Ear> {
            let log = folder.join(format!("{program}.log"));
            Ok(Ear {
                capture: Capture::start(client.host.name(), frame::FILTER)?,
                heard: Vec::new(),
                answer,
                _sender: client.start(program, addresses, &log)?,
            })
        };
        Ok(Self {
            pinging: ear(&rig.pinging, client::PING, Kind::Echo)?,
            asking: ear(&rig.asking, client::ASK, Kind::Answer)?,
        })
    }

    fn forget(&mut self) {
        for ear in [&mut self.pinging, &mut self.asking] {
            ear.listen();
            ear.heard.clear();
        }
    }

    /// Who answers both clients now; `None` where nobody does, or not the same for both.
    fn owners(&mut self, addresses: [IpAddr; 2]) -> Result<[Option<Mac>; 2]> {
        let since = now()?.saturating_sub(RECENT);
        let [pinging, asking] = [&mut self.pinging, &mut self.asking].map(|ear| {
            ear.listen();
            addresses.map(|address| ear.timeline(address).owner(since))
        });
        let mut both = pinging;
        for (one, other) in both.iter_mut().zip(asking) {
            *one = one.filter(|_| *one == other);
        }
        Ok(both)
    }

    /// Waits until both clients are answered by nodes with such a MAC, and a while longer: what happens late is heard too.
    pub(crate) async fn await_owners(
        &mut self,
        sentence: &str,
        addresses: [IpAddr; 2],
        holds: impl Fn(Mac) -> bool,
    ) -> Result<[Mac; 2]> {
        let owners = await_condition(sentence, PATIENCE, async || {
            Ok(match self.owners(addresses)? {
                [Some(first), Some(second)] if holds(first) && holds(second) => {
                    Seen::Yes([first, second])
                }
                owners => Seen::Not(format!("{owners:?}")),
            })
        })
        .await?;
        tokio::time::sleep(PAUSE).await;
        Ok(owners)
    }

    fn times(&mut self, addresses: [IpAddr; 2], moves: [Move; 2]) -> Result<Times> {
        let mut times = Times {
            gaps: [0.0; 2],
            overlaps: [0.0; 2],
        };
        for ear in [&mut self.pinging, &mut self.asking] {
            ear.listen();
            let slots = times.gaps.iter_mut().zip(&mut times.overlaps);
            for ((gap, overlap), (address, moved)) in slots.zip(addresses.into_iter().zip(&moves)) {
                let timeline = ear.timeline(address);
                *gap = gap.max(timeline.gap(moved)?.as_secs_f64());
                *overlap = overlap.max(timeline.overlap(moved)?.as_secs_f64());
            }
        }
        ensure!(times.gaps.iter().all(|gap| *gap > 0.0), "no gap at all");
        Ok(times)
    }
}

impl Ear {
    fn listen(&mut self) {
        while let Some(packet) = self.capture.poll() {
            self.heard.extend(frame::heard(&packet));
        }
    }

    fn timeline(&self, address: IpAddr) -> Timeline {
        Timeline::of(&self.heard, address, self.answer)
    }
}

fn now() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?)
}
