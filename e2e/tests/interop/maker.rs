//! Whose routers we speak to.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result};

/// Who makes the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Maker {
    Frr,
    Bird,
    GoBgp,
    ExaBgp,
}

impl Maker {
    pub(crate) const ALL: [Self; 4] = [Self::Frr, Self::Bird, Self::GoBgp, Self::ExaBgp];

    /// Name and version, as the program itself tells it.
    pub(crate) fn version(self) -> Result<String> {
        let (name, program) = match self {
            Self::Frr => ("FRR", "/usr/lib/frr/bgpd"),
            Self::Bird => ("BIRD", "bird"),
            Self::GoBgp => ("GoBGP", "gobgpd"),
            Self::ExaBgp => ("ExaBGP", "exabgp"),
        };
        let output = Command::new(program).arg("--version").output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let mut words = said.split_whitespace();
        let version = words.find(|word| word.starts_with(|each: char| each.is_ascii_digit()));
        Ok(format!("{name} {}", version.context("no version")?))
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Frr => "frr",
            Self::Bird => "bird",
            Self::GoBgp => "gobgp",
            Self::ExaBgp => "exabgp",
        })
    }
}
