//! Fetching pages, from any machine of the lab.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;

use crate::condition::{Seen, await_condition};
use crate::machine::Machine;
use crate::meanwhile::Watch;

/// What became of a series of requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that were answered with 200.
    pub answered: usize,
    /// Connections that were made and then cut (curl's exit codes 52 and 56). Whenever a router's set of next hops changes
    /// it may send the packets of a connection under way to another node, which knows nothing of it; who makes one request
    /// at a time can lose one by each change, and no node can prevent it.
    pub cut: usize,
    /// The others, each with curl's exit code and the HTTP status.
    pub lost: Vec<String>,
}

impl Machine {
    /// Fetches a page over a connection of its own.
    ///
    /// # Errors
    /// When there is no answer within 2 s, or it is not a success; tells what was answered.
    pub async fn fetch(self, url: &str) -> Result<String> {
        self.command("curl")
            .args(["-sSg", "--fail-with-body", "--max-time", "2", url])
            .output()
            .await
    }

    /// Waits until a page can be fetched, and returns it without the white space around it.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_page(self, url: &str) -> Result<String> {
        let sentence = format!("{} fetches {url}", self.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            Ok(Seen::Yes(self.fetch(url).await?.trim().to_owned()))
        })
        .await
    }

    /// Fetches again and again, a request every 20 ms, while `work` goes on.
    ///
    /// # Errors
    /// Those of `work`, and when the requests cannot be made at all.
    pub async fn fetch_during<T>(
        self,
        url: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Tally)> {
        let (result, tallies) = self.fetch_all_during(&[url.to_owned()], work).await?;
        Ok((result, tallies.into_iter().next().unwrap_or_default()))
    }

    /// The same for several pages at once; what became of the requests for each.
    ///
    /// # Errors
    /// Those of `work`, and when the requests cannot be made at all.
    pub async fn fetch_all_during<T>(
        self,
        urls: &[String],
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<Tally>)> {
        let watches: Vec<Watch> = urls
            .iter()
            .map(|url| Watch {
                script: FETCHING,
                arguments: vec![url.clone()],
            })
            .collect();
        let (result, printed) = self.watch_during(&watches, work).await?;
        Ok((result, printed.iter().map(|output| tally(output)).collect()))
    }
}

const FETCHING: &str = "echo >> \"$1\"; \
                        while [ -e \"$1\" ]; do \
                          status=$(curl -sg -o /dev/null --max-time 2 -w '%{http_code}' \"$2\"); \
                          echo \"$? $status\"; sleep 0.02; \
                        done";

/// The URL of a page.
#[must_use]
pub fn url(address: IpAddr, port: u16, path: &str) -> String {
    match address {
        IpAddr::V4(address) => format!("http://{address}:{port}{path}"),
        IpAddr::V6(address) => format!("http://[{address}]:{port}{path}"),
    }
}

fn tally(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines() {
        match line.split_once(' ') {
            Some(("0", "200")) => tally.answered += 1,
            Some(("52" | "56", _)) => tally.cut += 1,
            _ => tally.lost.push(line.to_owned()),
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_cut_connection_from_a_lost_request() {
        let tally = tally("0 200\n7 000\n56 000\n0 503\n28 000\n0 200\n");
        assert_eq!((tally.answered, tally.cut), (2, 1));
        assert_eq!(tally.lost, ["7 000", "0 503", "28 000"]);
    }
}
