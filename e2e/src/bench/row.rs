//! Figures, and the files that keep them.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Whose figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Ours.
    Herald,
    /// FRR with its default configuration.
    Frr,
    /// FRR that does not wait to collect changes (`coalesce-time 0`).
    #[serde(rename = "frr-coalesce-0")]
    FrrCoalesce0,
    /// BIRD.
    Bird,
    /// GoBGP.
    Gobgp,
    /// Routes and rules that were made by hand.
    StaticRoutes,
}

impl fmt::Display for System {
    /// As the files have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Herald => "herald",
            Self::Frr => "frr",
            Self::FrrCoalesce0 => "frr-coalesce-0",
            Self::Bird => "bird",
            Self::Gobgp => "gobgp",
            Self::StaticRoutes => "static-routes",
        })
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured; its first part is a row of the table of targets.
    pub name: String,
    /// Median of all runs.
    pub value: f64,
    /// `s`, `MB`, `messages`, `requests`, `flaps`, `Gbit/s`, `ratio`, `%`.
    pub unit: String,
    /// Whose it is.
    pub system: System,
    /// Number of runs.
    pub n: usize,
    /// The largest of all runs, or the smallest where more is better.
    pub worst: f64,
}

impl Row {
    /// The figure of several runs; `None` without runs.
    #[must_use]
    pub fn of(name: &str, unit: &str, system: System, runs: &[f64]) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            value: median(runs)?,
            unit: unit.to_owned(),
            system,
            n: runs.len(),
            worst: worst(runs)?,
        })
    }

    /// The same for a figure of which more is better.
    #[must_use]
    pub fn of_rate(name: &str, unit: &str, system: System, runs: &[f64]) -> Option<Self> {
        Some(Self {
            worst: runs.iter().copied().min_by(f64::total_cmp)?,
            ..Self::of(name, unit, system, runs)?
        })
    }
}

/// The middle value; of an even number the mean of the two in the middle.
#[must_use]
pub fn median(runs: &[f64]) -> Option<f64> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len().checked_sub(1)?) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The largest value.
#[must_use]
pub fn worst(runs: &[f64]) -> Option<f64> {
    runs.iter().copied().max_by(f64::total_cmp)
}

/// Writes `target/bench/NAME.json`.
///
/// # Errors
/// When it cannot be written.
pub fn write(name: &str, rows: &[Row]) -> Result<()> {
    let folder = folder();
    std::fs::create_dir_all(&folder)?;
    let lines: Result<Vec<_>, _> = rows.iter().map(serde_json::to_string).collect();
    let text = format!("[\n{}\n]\n", lines?.join(",\n"));
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}

/// All figures that benchmarks have left, by file name.
///
/// # Errors
/// When there are none or one of the files cannot be read.
pub fn read_all() -> Result<Vec<Row>> {
    let folder = folder();
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("no figures in {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let mut rows = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)?;
        let read: Vec<Row> =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        rows.extend(read);
    }
    Ok(rows)
}

fn folder() -> PathBuf {
    crate::artifact::root().join("target/bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(worst(&[1.0, 3.0, 2.0]), Some(3.0));
    }

    #[test]
    fn names_systems_as_the_table_does() {
        let row = Row::of(
            "bgp-originate/100000/1-peer",
            "s",
            System::FrrCoalesce0,
            &[1.0, 1.2],
        )
        .unwrap();
        let expected = r#"{"name":"bgp-originate/100000/1-peer","value":1.1,"unit":"s","system":"frr-coalesce-0","n":2,"worst":1.2}"#;
        assert_eq!(serde_json::to_string(&row).unwrap(), expected);
    }
}
