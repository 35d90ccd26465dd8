//! When the key of the speakers' heartbeats is made, mended and replaced; pure.

use std::{collections::BTreeMap, fmt, time::Duration};

use model::Timestamp;

/// Length of a key, octets.
pub(crate) const LENGTH: usize = 32;
/// Most keys that speakers take from the Secret.
const MOST: usize = 8;

/// The keys in the Secret by generation, and when the newest was added. Debug prints no key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HeartbeatKeys {
    keys: BTreeMap<u64, [u8; LENGTH]>,
    rotated_at: Timestamp,
}

/// What the Secret has, however it is written.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    /// `data`.
    pub(crate) entries: &'a BTreeMap<String, Vec<u8>>,
    /// When the newest key was added; `None`: nobody knows.
    pub(crate) rotated_at: Option<Timestamp>,
}

/// Why the Secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There is none.
    Missing,
    /// There is no key in it.
    Unusable,
    /// Something in it is no key, or the time of the last rotation cannot be read.
    Mended,
    /// Its newest key is too old.
    Rotated,
}

impl HeartbeatKeys {
    /// What is to be written at `now`, and why; `None`: the Secret is as it should be.
    ///
    /// Keys are kept as long as they can be: speakers need one that both they and their neighbours know. `rotation` is
    /// the age at which a newer one is added, 0 for never; `fresh` is a new random key.
    pub(crate) fn plan(
        now: Timestamp,
        found: Option<Found<'_>>,
        rotation: Duration,
        fresh: [u8; LENGTH],
    ) -> Option<(Self, Reason)> {
        let Some(found) = found else {
            return Some((Self::first(now, fresh), Reason::Missing));
        };
        let mut keys = parse(found.entries);
        let Some(newest) = keys.keys().next_back().copied() else {
            return Some((Self::first(now, fresh), Reason::Unusable));
        };
        // A time to come would put off the next rotation for as long.
        let known = found.rotated_at.filter(|at| *at <= now);
        let rotated_at = known.unwrap_or(now);
        if rotation > Duration::ZERO && age(now, rotated_at) >= rotation {
            keys.retain(|generation, _| *generation == newest);
            keys.insert(newest.saturating_add(1), fresh);
            let rotated_at = now;
            return Some((Self { keys, rotated_at }, Reason::Rotated));
        }
        let mended = known.is_none() || keys.len() != found.entries.len();
        mended.then_some((Self { keys, rotated_at }, Reason::Mended))
    }

    fn first(now: Timestamp, fresh: [u8; LENGTH]) -> Self {
        Self {
            keys: BTreeMap::from([(1, fresh)]),
            rotated_at: now,
        }
    }

    /// `data` of the Secret.
    pub(crate) fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        let entry = |(generation, key): (&u64, &[u8; LENGTH])| (generation.to_string(), key.into());
        self.keys.iter().map(entry).collect()
    }

    /// When the newest key was added.
    pub(crate) fn rotated_at(&self) -> Timestamp {
        self.rotated_at
    }
}

/// The newest of the entries that are keys.
fn parse(entries: &BTreeMap<String, Vec<u8>>) -> BTreeMap<u64, [u8; LENGTH]> {
    let entry = |(name, value): (&String, &Vec<u8>)| {
        let generation: u64 = name.parse().ok()?;
        // The last number has none after it.
        let canonical = generation.to_string() == *name && generation > 0 && generation < u64::MAX;
        let key = value.as_slice().try_into().ok()?;
        canonical.then_some((generation, key))
    };
    let mut keys: BTreeMap<_, _> = entries.iter().filter_map(entry).collect();
    while keys.len() > MOST {
        keys.pop_first();
    }
    keys
}

fn age(now: Timestamp, then: Timestamp) -> Duration {
    let seconds = now.0.saturating_sub(then.0);
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

impl fmt::Debug for HeartbeatKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeartbeatKeys")
            .field("generations", &self.keys.keys())
            .field("rotated_at", &self.rotated_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: [u8; LENGTH] = [0xfe; LENGTH];
    const DAY: i64 = 24 * 3600;
    const NOW: Timestamp = Timestamp(1_000 * DAY);
    const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

    type Entries = BTreeMap<String, Vec<u8>>;

    fn entries(names: &[&str]) -> Entries {
        names
            .iter()
            .map(|name| (name.to_string(), vec![name.len() as u8; LENGTH]))
            .collect()
    }

    fn days_ago(days: i64) -> Option<Timestamp> {
        Some(Timestamp(NOW.0 - days * DAY))
    }

    /// Generations and reason of what is planned.
    fn plan(entries: &Entries, at: Option<Timestamp>, rotation: Duration) -> Option<Planned> {
        let found = Found {
            entries,
            rotated_at: at,
        };
        let (keys, reason) = HeartbeatKeys::plan(NOW, Some(found), rotation, FRESH)?;
        let generations = keys.keys.keys().copied().collect();
        Some((generations, keys.rotated_at, reason))
    }

    type Planned = (Vec<u64>, Timestamp, Reason);

    #[test]
    fn makes_the_first_key_when_there_is_no_secret() {
        let (keys, reason) = HeartbeatKeys::plan(NOW, None, MONTH, FRESH).unwrap();
        assert_eq!(reason, Reason::Missing);
        assert_eq!(
            keys.entries(),
            BTreeMap::from([("1".to_owned(), FRESH.to_vec())])
        );
        assert_eq!(keys.rotated_at(), NOW);
    }

    #[test]
    fn leaves_a_secret_alone_that_is_as_it_should_be() {
        for (names, at) in [(&["1"][..], 0), (&["7", "8"], 29), (&["1", "2", "9"], 1)] {
            assert_eq!(plan(&entries(names), days_ago(at), MONTH), None);
        }
    }

    #[test]
    fn starts_anew_when_nothing_in_it_is_a_key() {
        let short = BTreeMap::from([("1".to_owned(), vec![1; 31])]);
        for found in [Entries::new(), short, entries(&["password", "01", "0"])] {
            let planned = plan(&found, days_ago(1), MONTH);
            assert_eq!(planned, Some((vec![1], NOW, Reason::Unusable)));
        }
    }

    #[test]
    fn keeps_what_is_a_key_and_removes_what_is_none() {
        let mut found = entries(&["3", "4", "password", "18446744073709551615"]);
        found.insert("5".to_owned(), vec![1; 33]);
        let planned = plan(&found, days_ago(1), MONTH);
        let yesterday = days_ago(1).unwrap();
        assert_eq!(planned, Some((vec![3, 4], yesterday, Reason::Mended)));
    }

    #[test]
    fn keeps_the_newest_of_more_keys_than_speakers_take() {
        let names: Vec<String> = (1..=11).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (generations, ..) = plan(&entries(&names), days_ago(1), MONTH).unwrap();
        assert_eq!(generations, [4, 5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn adds_a_key_when_the_newest_is_too_old_and_keeps_the_one_before() {
        for days in [30, 31, 900] {
            let planned = plan(&entries(&["4", "5", "6"]), days_ago(days), MONTH);
            assert_eq!(planned, Some((vec![6, 7], NOW, Reason::Rotated)));
        }
        let found = entries(&["6"]);
        let found = Found {
            entries: &found,
            rotated_at: days_ago(30),
        };
        let (keys, _) = HeartbeatKeys::plan(NOW, Some(found), MONTH, FRESH).unwrap();
        assert_eq!(keys.keys, BTreeMap::from([(6, [1; 32]), (7, FRESH)]));
    }

    #[test]
    fn never_rotates_when_it_is_switched_off() {
        assert_eq!(plan(&entries(&["1"]), days_ago(900), Duration::ZERO), None);
    }

    #[test]
    fn a_time_that_nobody_can_know_counts_as_now() {
        for at in [None, days_ago(-1)] {
            let planned = plan(&entries(&["1"]), at, MONTH);
            assert_eq!(planned, Some((vec![1], NOW, Reason::Mended)));
        }
    }

    #[test]
    fn shows_no_key() {
        let (keys, _) = HeartbeatKeys::plan(NOW, None, MONTH, [0x5a; LENGTH]).unwrap();
        let shown = format!("{keys:?}");
        assert!(shown.contains("generations: [1]"), "{shown}");
        assert!(!shown.contains("90"), "{shown}");
    }
}
