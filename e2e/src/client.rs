//! Somebody outside the cluster, behind the router.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;

use crate::condition::{Seen, await_condition};
use crate::node::Machine;

/// The client's addresses, which a pod sees when nothing translates them.
pub const ADDRESSES: [&str; 2] = ["10.9.0.2", "fd09::2"];

/// The client's container.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    machine: Machine,
}

/// What became of a series of requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that were answered with 200.
    pub answered: usize,
    /// The others, each with curl's exit code or the HTTP status.
    pub lost: Vec<String>,
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

    /// Fetches a page from port 80 of `address`, over a connection of its own.
    ///
    /// # Errors
    /// When there is no answer within 2 s, or it is not a success.
    pub async fn fetch(self, address: IpAddr, path: &str) -> Result<String> {
        self.machine
            .command("curl")
            .args(["-sS", "--fail", "--max-time", "2", &url(address, path)])
            .output()
            .await
    }

    /// Waits until a page can be fetched, and returns it.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_page(self, address: IpAddr, path: &str) -> Result<String> {
        let sentence = format!("the client fetches {}", url(address, path));
        await_condition(&sentence, Duration::from_secs(60), async || {
            Ok(Seen::Yes(self.fetch(address, path).await?))
        })
        .await
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
        let flag = format!("/run/fetch-{}", address.to_string().replace(':', "-"));
        self.machine.exec(&["touch", &flag]).await?;
        let script = "while [ -e \"$1\" ]; do \
                        status=$(curl -s -o /dev/null --max-time 2 -w '%{http_code}' \"$2\"); \
                        echo \"$? $status\"; sleep 0.02; \
                      done";
        let fetching =
            self.machine
                .command("bash")
                .args(["-c", script, "fetch", &flag, &url(address, path)]);
        let working = async {
            let result = work.await;
            self.machine.exec(&["rm", "-f", &flag]).await?;
            result
        };
        let (output, result) = tokio::join!(fetching.output(), working);
        Ok((result?, tally(&output?)))
    }
}

fn url(address: IpAddr, path: &str) -> String {
    match address {
        IpAddr::V4(address) => format!("http://{address}{path}"),
        IpAddr::V6(address) => format!("http://[{address}]{path}"),
    }
}

fn tally(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines() {
        if line == "0 200" {
            tally.answered += 1;
        } else {
            tally.lost.push(line.to_owned());
        }
    }
    tally
}
