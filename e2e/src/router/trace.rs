//! What the router had of a prefix over a time: every state of its BGP table that was seen, every change of its kernel.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::meanwhile::Watch;
use crate::router::Router;

/// What was seen of one prefix.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// States of the BGP table, by the address of the peer; two that follow one another differ.
    pub tables: Vec<BTreeMap<String, Path>>,
    /// Changes of the kernel's route, in the words of `ip monitor`.
    pub changes: Vec<String>,
}

/// What one peer says of the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// As FRR writes them, with spaces in between.
    pub communities: String,
    /// LOCAL_PREF as FRR counts it, 100 when nobody has said anything.
    pub local_pref: u64,
    /// Kept over a restart of the peer, and not confirmed so far (RFC 4724).
    pub stale: bool,
}

impl Router {
    /// What every peer says of a prefix now, by the peers' addresses.
    ///
    /// # Errors
    /// When the router does not answer.
    pub async fn paths(self, prefix: &str) -> Result<BTreeMap<String, Path>> {
        let shown = self
            .show(&format!(
                "show bgp {} unicast {prefix} json",
                family(prefix)
            ))
            .await?;
        table(&shown)
    }

    /// Watches all of `prefixes` while `work` goes on.
    ///
    /// # Errors
    /// Those of `work`, and when the router cannot be watched.
    pub async fn trace_during<T>(
        self,
        prefixes: &[String],
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<Trace>)> {
        let watches: Vec<Watch> = prefixes
            .iter()
            .map(|prefix| Watch {
                script: LOOKING,
                arguments: vec![family(prefix).to_owned(), prefix.clone()],
            })
            .collect();
        let (result, printed) = self.machine().watch_during(&watches, work).await?;
        let traces: Result<_> = prefixes
            .iter()
            .zip(&printed)
            .map(|(prefix, output)| parse(prefix, output))
            .collect();
        Ok((result, traces?))
    }
}

const LOOKING: &str = "look() { vtysh -c \"show bgp $1 unicast $2 json\" | tr -d '\\n'; echo; }; \
                       log=$(mktemp); ip -o monitor route > \"$log\" & monitor=$!; \
                       look \"$2\" \"$3\"; echo >> \"$1\"; \
                       while [ -e \"$1\" ]; do look \"$2\" \"$3\"; sleep 0.05; done; \
                       kill $monitor; echo kernel; cat \"$log\"; rm \"$log\"";

impl Trace {
    /// How many times the set of next hops may have changed, at most: what a connection under way may not survive.
    #[must_use]
    pub fn moves(&self) -> usize {
        self.changes.len()
    }

    /// What the peer at `address` said, one after the other; `None` where it said nothing.
    pub fn said_by(&self, address: &str) -> impl Iterator<Item = Option<&Path>> {
        self.tables.iter().map(move |table| table.get(address))
    }
}

fn parse(prefix: &str, output: &str) -> Result<Trace> {
    let mut trace = Trace::default();
    let mut lines = output.lines();
    for line in lines.by_ref().take_while(|&line| line != "kernel") {
        let table = table(line).with_context(|| format!("the router shows {line:?}"))?;
        if trace.tables.last() != Some(&table) {
            trace.tables.push(table);
        }
    }
    let destination = prefix.trim_end_matches("/32").trim_end_matches("/128");
    let concerns = |line: &&str| line.split(' ').any(|word| word == destination);
    trace.changes = lines.filter(concerns).map(str::to_owned).collect();
    Ok(trace)
}

fn family(prefix: &str) -> &'static str {
    if prefix.contains(':') { "ipv6" } else { "ipv4" }
}

/// What vtysh shows of one prefix: nothing when nobody has it.
fn table(line: &str) -> Result<BTreeMap<String, Path>> {
    if line.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    let shown: Value = serde_json::from_str(line)?;
    let paths = shown.get("paths").and_then(Value::as_array);
    let said = paths.into_iter().flatten().filter_map(|path| {
        let peer = path.pointer("/peer/peerId")?.as_str()?;
        let communities = path.pointer("/community/string").and_then(Value::as_str);
        let said = Path {
            communities: communities.unwrap_or_default().to_owned(),
            local_pref: path.get("locPrf").and_then(Value::as_u64).unwrap_or(100),
            stale: path.get("stale").and_then(Value::as_bool).unwrap_or(false),
        };
        Some((peer.to_owned(), said))
    });
    Ok(said.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{"paths":[{"peer":{"peerId":"10.1.0.11"},"locPrf":0,"community":{"string":"graceful-shutdown"}}]}"#;

    #[test]
    fn tells_what_changed_and_nothing_twice() {
        let output = format!(
            "\n{TOLD}\n{TOLD}\n\nkernel\n10.20.1.1 nhid 7 via 10.1.0.11 dev br0\n10.20.1.10 dev br0\n\
             Deleted 10.20.1.1 nhid 7\n"
        );
        let trace = parse("10.20.1.1/32", &output).unwrap_or_default();
        let told: Vec<_> = trace.said_by("10.1.0.11").collect();
        let path = Path {
            communities: "graceful-shutdown".to_owned(),
            local_pref: 0,
            stale: false,
        };
        assert_eq!(told, [None, Some(&path), None]);
        assert_eq!(trace.moves(), 2);
    }

    #[test]
    fn what_is_no_json_is_told() {
        assert!(parse("10.20.1.1/32", "% Unknown command\nkernel\n").is_err());
    }
}
