//! Somebody outside the cluster, behind the router.

use std::net::IpAddr;

use anyhow::Result;

use crate::fetch::{Tally, url};
use crate::machine::Machine;

/// The client's addresses, which a pod sees when nothing translates them.
pub const ADDRESSES: [&str; 2] = ["10.9.0.2", "fd09::2"];
/// The client's networks.
pub const SUBNETS: [&str; 2] = ["10.9.0.0/24", "fd09::/64"];
/// Where the client itself is a web server, in a lab whose pod network is Herald.
pub const PORT: u16 = 8080;

/// The client's container.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    machine: Machine,
}

impl Client {
    pub(crate) const fn new() -> Self {
        Self {
            machine: Machine::new("client"),
        }
    }

    /// The client's container.
    #[must_use]
    pub const fn machine(self) -> Machine {
        self.machine
    }

    /// Starts the web server that pods look at from inside.
    pub(crate) async fn serve(self) -> Result<()> {
        let address = format!(":{PORT}");
        self.machine.start("pod", &["serve", &address]).await
    }

    /// Fetches a page from port 80 of `address`, over a connection of its own.
    ///
    /// # Errors
    /// When there is no answer within 2 s, or it is not a success.
    pub async fn fetch(self, address: IpAddr, path: &str) -> Result<String> {
        self.machine.fetch(&url(address, 80, path)).await
    }

    /// Waits until a page can be fetched from port 80 of `address`, and returns it.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_page(self, address: IpAddr, path: &str) -> Result<String> {
        self.machine.await_page(&url(address, 80, path)).await
    }

    /// Fetches again and again, a request every 20 ms, while `work` goes on.
    ///
    /// # Errors
    /// Those of `work`, and when the requests cannot be made at all.
    pub async fn fetch_during<T>(
        self,
        address: IpAddr,
        path: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Tally)> {
        self.machine
            .fetch_during(&url(address, 80, path), work)
            .await
    }
}
