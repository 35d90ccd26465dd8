//! Somebody who opens connections all the time, while a node or its speaker goes away and comes back.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use e2e::Case;
use e2e::case::host_route;
use e2e::fetch::{Tally, url};
use e2e::node::NODES;
use e2e::router::trace::Trace;
use e2e::workload::Families;

/// Services with endpoints on both nodes.
pub(crate) struct Traffic {
    /// Of a dual-stack Service with externalTrafficPolicy Cluster, and of one with Local.
    pub(crate) addresses: Vec<IpAddr>,
}

/// What became of the connections to one address, and what the router had of it meanwhile.
pub(crate) struct Account {
    pub(crate) address: IpAddr,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
}

impl Traffic {
    /// Deploys the Services, and waits until the router sends to both nodes.
    pub(crate) async fn prepare(case: &Case) -> Result<Self> {
        case.serve("web", &NODES).await?;
        let mut addresses = case.expose("web", "web", Families::Dual, false).await?;
        addresses.extend(case.expose("local", "web", Families::IPv4, true).await?);
        let traffic = Self { addresses };
        traffic.await_both(case).await?;
        for &address in &traffic.addresses {
            case.lab.client.await_page(address, "/").await?;
        }
        Ok(traffic)
    }

    /// Waits until both nodes announce every address.
    pub(crate) async fn await_both(&self, case: &Case) -> Result<()> {
        for &address in &self.addresses {
            let route = host_route(address);
            case.lab.router.await_route(&route, &NODES).await?;
        }
        Ok(())
    }

    /// Waits until the second node alone announces every address.
    pub(crate) async fn await_other_alone(&self, case: &Case) -> Result<()> {
        for &address in &self.addresses {
            let route = host_route(address);
            case.lab.router.await_route(&route, &NODES[1..]).await?;
        }
        Ok(())
    }

    /// A new connection to each address every moment while `work` goes on; none may be lost.
    pub(crate) async fn flow_during<T>(
        &self,
        case: &Case,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<Account>)> {
        let addresses = self.addresses.iter();
        let pages: Vec<String> = addresses.map(|&to| url(to, 80, "/hostname")).collect();
        let routes: Vec<String> = self.addresses.iter().map(|&to| host_route(to)).collect();
        let client = case.lab.client.machine();
        let fetching = Box::pin(client.fetch_all_during(&pages, Box::pin(work)));
        let watched = case.lab.router.trace_during(&routes, fetching).await?;
        let ((result, tallies), traces) = watched;
        let accounts = self.addresses.iter().zip(tallies).zip(traces);
        let accounts = accounts.map(|((&address, tally), trace)| Account {
            address,
            tally,
            trace,
        });
        let accounts: Vec<Account> = accounts.collect();
        for account in &accounts {
            account.ensure_none_lost()?;
        }
        Ok((result, accounts))
    }
}

impl Account {
    fn ensure_none_lost(&self) -> Result<()> {
        let (tally, moves) = (&self.tally, self.trace.moves());
        let told = || format!("{}: {tally:?} with {:?}", self.address, self.trace.changes);
        ensure!(tally.lost.is_empty(), "{}", told());
        // Where the router sends a connection that is under way to another node, no node can save it.
        ensure!(tally.cut <= moves, "{}", told());
        ensure!(tally.answered > 10, "{}", told());
        Ok(())
    }

    /// The node's address by which the router knows it as the announcer.
    pub(crate) fn announcer(&self) -> &'static str {
        match self.address {
            IpAddr::V4(_) => NODES[0].ipv4,
            IpAddr::V6(_) => NODES[0].ipv6,
        }
    }

    /// What the router had from the first node, each state once; what it heard from the other never changes.
    pub(crate) fn heard(&self) -> Result<Vec<String>> {
        let mut heard: Vec<String> = Vec::new();
        for path in self.trace.said_by(self.announcer()) {
            let shown = match path {
                None => "nothing".to_owned(),
                Some(path) if path.stale => "stale".to_owned(),
                Some(path) => format!("{} {}", path.communities, path.local_pref),
            };
            if heard.last() != Some(&shown) {
                heard.push(shown);
            }
        }
        let other = match self.address {
            IpAddr::V4(_) => NODES[1].ipv4,
            IpAddr::V6(_) => NODES[1].ipv6,
        };
        let mut of_other = self.trace.said_by(other);
        let first = of_other.next().flatten().context("nothing was seen")?;
        ensure!(
            of_other.all(|path| path == Some(first)),
            "{}: the other node was touched: {:?}",
            self.address,
            self.trace.tables
        );
        Ok(heard)
    }
}
