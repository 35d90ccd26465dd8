//! Whose pod network the lab has: another one, which the harness writes, or Herald's alone.

use anyhow::{Context, Result, bail};

use crate::node::{FABRIC, NODES, Node};
use crate::state;

/// The lab's flavour, as the variable `NETWORK` chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// `other`: two nodes in one subnet; CNI configuration and pod routes are the harness's.
    #[default]
    Other,
    /// `herald`: three nodes in two subnets; without Herald there is no pod network at all.
    Herald,
}

impl Network {
    /// What `NETWORK` asks for; `Other` when it is not set.
    ///
    /// # Errors
    /// When it is something else.
    pub fn wanted() -> Result<Self> {
        Ok(named()?.unwrap_or_default())
    }

    /// The flavour of the lab that is up.
    ///
    /// # Errors
    /// When no lab is up, or `NETWORK` asks for the other flavour.
    pub(crate) fn of_lab() -> Result<Self> {
        let path = state::network();
        let stored = std::fs::read_to_string(&path)
            .with_context(|| format!("no lab in {}; `make lab-up` starts one", path.display()))?;
        let stored = parse(stored.trim())?;
        match named()? {
            Some(wanted) if wanted != stored => bail!(
                "the lab that is up has NETWORK={}; `make lab-up NETWORK={}` starts the other one",
                stored.name(),
                wanted.name()
            ),
            _ => Ok(stored),
        }
    }

    /// Keeps the flavour for `of_lab`.
    pub(crate) fn store(self) -> Result<()> {
        Ok(std::fs::write(state::network(), self.name())?)
    }

    /// The nodes of the cluster.
    #[must_use]
    pub const fn nodes(self) -> &'static [Node] {
        match self {
            Self::Other => &NODES,
            Self::Herald => &FABRIC,
        }
    }

    /// What a node reaches through its router, per family.
    pub(crate) const fn behind_router(self) -> [&'static str; 2] {
        match self {
            Self::Other => ["10.9.0.0/24", "fd09::/64"],
            Self::Herald => ["default", "default"],
        }
    }

    /// The nodes' interfaces besides the one on the management network.
    pub(crate) const fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Other => &["eth1"],
            Self::Herald => &["eth1", "eth2"],
        }
    }

    /// The topology's file in `e2e/topologies`.
    pub(crate) const fn topology(self) -> &'static str {
        match self {
            Self::Other => "lab.clab.yml",
            Self::Herald => "herald.clab.yml",
        }
    }

    /// The router's configuration in `e2e/topologies/tor`.
    pub(crate) const fn router_configuration(self) -> &'static str {
        match self {
            Self::Other => "frr.conf",
            Self::Herald => "frr-herald.conf",
        }
    }

    /// The manifest in `deploy` that installs Herald.
    pub(crate) const fn manifest(self) -> &'static str {
        match self {
            Self::Other => "herald.yaml",
            Self::Herald => "herald-network.yaml",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Herald => "herald",
        }
    }
}

fn named() -> Result<Option<Network>> {
    match std::env::var("NETWORK") {
        Ok(name) if !name.is_empty() => parse(&name).map(Some),
        _ => Ok(None),
    }
}

fn parse(name: &str) -> Result<Network> {
    match name {
        "other" => Ok(Network::Other),
        "herald" => Ok(Network::Herald),
        _ => bail!("NETWORK is {name:?}; it can be other or herald"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_the_name_that_it_stores() -> Result<()> {
        for network in [Network::Other, Network::Herald] {
            assert_eq!(parse(network.name())?, network);
        }
        assert!(parse("calico").is_err());
        Ok(())
    }
}
