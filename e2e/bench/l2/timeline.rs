//! What a client has heard about an address, and what follows from it: how long nobody answered, and whether two did.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// An Ethernet address.
pub(crate) type Mac = [u8; 6];

/// One packet that says whose an address is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// When, since the epoch.
    pub(crate) at: Duration,
    pub(crate) address: IpAddr,
    /// Who answers it.
    pub(crate) mac: Mac,
    pub(crate) kind: Kind,
}

/// How it says that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A ping that came back.
    Echo,
    /// ARP reply or solicited neighbor advertisement.
    Answer,
    /// Gratuitous ARP or unsolicited neighbor advertisement.
    Announcement,
}

/// What one client has heard about one address, in order of time.
pub(crate) struct Timeline {
    heard: Vec<Heard>,
    /// What answers what this client sends all the time.
    answer: Kind,
}

/// An address went from one node to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    /// When the reason was given.
    pub(crate) since: Duration,
    pub(crate) from: Mac,
    pub(crate) to: Mac,
}

impl Timeline {
    pub(crate) fn of(all: &[Heard], address: IpAddr, answer: Kind) -> Self {
        let about = |heard: &&Heard| heard.address == address;
        let heard = all.iter().filter(about).copied().collect();
        Self { heard, answer }
    }

    fn answers(&self) -> impl DoubleEndedIterator<Item = &Heard> + Clone {
        let answer = self.answer;
        self.heard.iter().filter(move |heard| heard.kind == answer)
    }

    /// The longest time between two answers, of which the second came after the reason was given.
    pub(crate) fn gap(&self, moved: &Move) -> Result<Duration> {
        let pairs = self.answers().zip(self.answers().skip(1));
        let gaps = pairs
            .filter(|(_, later)| later.at > moved.since)
            .map(|(earlier, later)| later.at.saturating_sub(earlier.at));
        gaps.max().context("nobody answered")
    }

    /// How long both claimed it, which is 0 unless the old one was heard after the new one.
    ///
    /// # Errors
    /// When a third one did, or the new one before the reason was given.
    pub(crate) fn overlap(&self, moved: &Move) -> Result<Duration> {
        for heard in &self.heard {
            let expected = match heard.mac {
                mac if mac == moved.from => true,
                mac if mac == moved.to => heard.at >= moved.since,
                _ => false,
            };
            ensure!(
                expected,
                "a node too many answers: {heard:?}, expected {moved:?}"
            );
        }
        let mut claims = self.heard.iter().filter(|heard| heard.kind != Kind::Echo);
        let first = claims.clone().find(|heard| heard.mac == moved.to);
        let last = claims.rfind(|heard| heard.mac == moved.from);
        Ok(match (first, last) {
            (Some(first), Some(last)) => last.at.saturating_sub(first.at),
            _ => Duration::ZERO,
        })
    }

    /// Who answered last, if at all since then.
    pub(crate) fn owner(&self, since: Duration) -> Option<Mac> {
        let last = self.answers().next_back()?;
        (last.at >= since).then_some(last.mac)
    }
}
