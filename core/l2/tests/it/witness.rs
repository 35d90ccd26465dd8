use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use l2::Mac;

/// Three missed heartbeats, the last of them late, three probes 50 ms apart, and a little for the way.
pub(crate) const DETECTION: Duration = Duration::from_millis(550);
/// Longest time without an answer while a node is there that may give one.
pub(crate) const TAKEOVER: Duration = Duration::from_secs(1);
/// How much worse all that may be while packets get lost.
const PATIENCE: u32 = 3;

/// What the network is like while answers are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) now: Duration,
    /// Something changed last, at a node or in the network.
    pub(crate) changed: Duration,
    /// The network changed last.
    pub(crate) network: Duration,
    /// Nothing is cut, nothing gets lost.
    pub(crate) whole: bool,
    /// Packets get lost.
    pub(crate) lossy: bool,
    /// Heartbeats are lost where frames are not: nodes that start then may never learn of each other.
    pub(crate) silent: bool,
    /// The longest that a packet is on its way.
    pub(crate) longest: Duration,
    /// Time between two questions for one address, and what else makes a gap longer that is none.
    pub(crate) pause: Duration,
}

/// Who answers for what, since when, and who did before.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// Answers to the client's last question for each address.
    answers: BTreeMap<IpAddr, BTreeSet<usize>>,
    records: BTreeMap<IpAddr, Record>,
    /// What a host believes that never asks, by segment and address.
    pub(crate) caches: BTreeMap<(usize, IpAddr), Mac>,
}

#[derive(Debug, Default)]
struct Record {
    several_since: Option<Duration>,
    none_since: Option<Duration>,
    longest_gap: Duration,
    /// From when on who alone answered.
    owners: Vec<(Duration, usize)>,
}

impl Witness {
    /// The client asks for the address.
    pub(crate) fn ask(&mut self, address: IpAddr) {
        self.answers.insert(address, BTreeSet::new());
    }

    /// A node answers the client.
    pub(crate) fn hear(&mut self, address: IpAddr, node: usize) {
        self.answers.entry(address).or_default().insert(node);
    }

    /// Who answered last.
    pub(crate) fn answering(&self, address: IpAddr) -> Vec<usize> {
        let answers = self.answers.get(&address);
        answers.into_iter().flatten().copied().collect()
    }

    /// Everybody who ever answered alone, in order, with when that began.
    pub(crate) fn owners(&self, address: IpAddr) -> &[(Duration, usize)] {
        self.records
            .get(&address)
            .map_or(&[], |record| &record.owners)
    }

    /// The longest time without an answer, since that was asked last.
    pub(crate) fn take_longest_gap(&mut self, address: IpAddr) -> Duration {
        let record = self.records.entry(address).or_default();
        std::mem::take(&mut record.longest_gap)
    }

    /// Holds the last answers for the address against the rules. `several`: two of those who answered can hear each
    /// other. `eligible`: somebody may answer.
    pub(crate) fn judge(
        &mut self,
        weather: Weather,
        address: IpAddr,
        several: bool,
        eligible: bool,
    ) -> Result<(), String> {
        let answering = self.answering(address);
        let record = self.records.entry(address).or_default();
        if let [owner] = answering.as_slice()
            && record.owners.last().map(|(_, last)| last) != Some(owner)
        {
            record.owners.push((weather.now, *owner));
        }
        record.judge_several(weather, several).map_err(|lasted| {
            format!("{address} has been answered by {answering:?} for {lasted:?}")
        })?;
        record
            .judge_none(weather, answering.is_empty(), eligible)
            .map_err(|lasted| format!("nobody has answered {address} for {lasted:?}"))
    }
}

impl Record {
    fn judge_several(&mut self, weather: Weather, several: bool) -> Result<(), Duration> {
        if !several || weather.silent {
            self.several_since = None;
            return Ok(());
        }
        let since = *self.several_since.get_or_insert(weather.now);
        let lasted = weather.now - since.max(weather.network);
        let quiet = weather.whole && weather.now - weather.network > DETECTION * 2;
        let limit = match (quiet, weather.lossy) {
            // The way of a claim to the old owner, and of both processes to their processors.
            (true, _) => weather.longest + Duration::from_millis(5),
            (false, false) => DETECTION,
            (false, true) => DETECTION * PATIENCE,
        };
        match lasted > limit {
            true => Err(lasted),
            false => Ok(()),
        }
    }

    fn judge_none(&mut self, weather: Weather, none: bool, eligible: bool) -> Result<(), Duration> {
        if !none || !eligible {
            self.none_since = None;
            return Ok(());
        }
        let since = *self.none_since.get_or_insert(weather.now);
        self.longest_gap = self.longest_gap.max(weather.now - since);
        let lasted = weather.now - since.max(weather.changed);
        let limit = TAKEOVER * if weather.lossy { PATIENCE } else { 1 } + weather.pause;
        match lasted > limit {
            true => Err(lasted),
            false => Ok(()),
        }
    }
}
