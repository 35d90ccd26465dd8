//! Fetching pages, from any machine of the lab.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;

use crate::condition::{Seen, await_condition};
use crate::machine::Machine;

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
        let flag: String = url
            .chars()
            .map(|character| {
                if character.is_alphanumeric() {
                    character
                } else {
                    '-'
                }
            })
            .collect();
        let flag = format!("/run/fetch-{flag}");
        self.exec(&["touch", &flag]).await?;
        let script = "while [ -e \"$1\" ]; do \
                        status=$(curl -sg -o /dev/null --max-time 2 -w '%{http_code}' \"$2\"); \
                        echo \"$? $status\"; sleep 0.02; \
                      done";
        let fetching = self
            .command("bash")
            .args(["-c", script, "fetch", &flag, url]);
        let working = async {
            let result = work.await;
            self.exec(&["rm", "-f", &flag]).await?;
            result
        };
        let (output, result) = tokio::join!(fetching.output(), working);
        Ok((result?, tally(&output?)))
    }
}

impl Machine {
    /// Ends what a killed run has left fetching.
    pub(crate) async fn stop_fetching(self) -> Result<()> {
        self.exec(&["bash", "-c", "rm -f /run/fetch-*"]).await?;
        Ok(())
    }
}

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
