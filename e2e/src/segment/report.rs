//! What Herald tells people of layer 2: SpeakerState, Events, metrics.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;

use crate::Lab;
use crate::case::Case;
use crate::condition::{Seen, await_condition};
use crate::node::Node;

/// Status is written within five seconds.
const DEADLINE: Duration = Duration::from_secs(60);

impl Lab {
    /// Waits until the SpeakerState of a node lists, or does not list, an address as answered on `interface`.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_listed(
        &self,
        node: Node,
        address: IpAddr,
        interface: Option<&str>,
    ) -> Result<()> {
        let sentence = format!("{} lists {address} on {interface:?}", node.name());
        await_condition(&sentence, DEADLINE, async || {
            let status = self.speaker_state(node).await?.status.unwrap_or_default();
            let found = status
                .l2
                .iter()
                .find(|entry| entry.address == address.to_string());
            let holds = match (found, interface) {
                (Some(entry), Some(interface)) => {
                    entry.interfaces == [interface] && status.announced.l2 > 0
                }
                (found, interface) => found.is_none() && interface.is_none(),
            };
            Ok(Seen::when(holds, (status.announced, status.l2)))
        })
        .await
        .map(|_| ())
    }

    /// Waits until the SpeakerState of a node has condition L2Ready with this status and reason, and returns its message.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_l2_ready(&self, node: Node, status: &str, reason: &str) -> Result<String> {
        let sentence = format!("{} has L2Ready={status}/{reason}", node.name());
        await_condition(&sentence, DEADLINE, async || {
            let state = self.speaker_state(node).await?.status.unwrap_or_default();
            let found = state
                .conditions
                .into_iter()
                .find(|condition| condition.r#type == "L2Ready");
            Ok(match found {
                Some(found) if found.status == status && found.reason == reason => {
                    Seen::Yes(found.message)
                }
                other => Seen::Not(format!("{other:?}")),
            })
        })
        .await
    }
}

impl Case {
    /// Waits until a Service has an Event of this reason with all of `words` in its message, and returns the message.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_event(&self, service: &str, reason: &str, words: &[&str]) -> Result<String> {
        let sentence = format!("Service {service} has an Event {reason} with {words:?}");
        let about =
            ListParams::default().fields(&format!("involvedObject.name={service},reason={reason}"));
        await_condition(&sentence, DEADLINE, async || {
            let events = self.api::<Event>().list(&about).await?;
            let messages: Vec<String> = events
                .items
                .into_iter()
                .filter_map(|event| event.message)
                .collect();
            let found = messages
                .iter()
                .find(|message| words.iter().all(|word| message.contains(word)));
            Ok(match found {
                Some(message) => Seen::Yes(message.clone()),
                None => Seen::Not(format!("{messages:?}")),
            })
        })
        .await
    }
}

impl Node {
    /// What a metric of the speaker shows, summed over the series that have all of `labels` (`name="value"`).
    ///
    /// # Errors
    /// When the speaker does not answer.
    pub async fn metric(self, name: &str, labels: &[&str]) -> Result<f64> {
        let page = format!("http://{}:7901/metrics", self.ipv4);
        let page = self.machine.fetch(&page).await?;
        let mut sum = 0.0;
        for line in page.lines() {
            let Some(rest) = line.strip_prefix(name) else {
                continue;
            };
            let (series, value) = rest.rsplit_once(' ').context("a sample")?;
            let named = series.is_empty() || series.starts_with('{');
            if named && labels.iter().all(|label| series.contains(label)) {
                sum += value.parse::<f64>()?;
            }
        }
        Ok(sum)
    }

    /// Waits until such a sum is at least `least`.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_metric(self, name: &str, labels: &[&str], least: f64) -> Result<f64> {
        let sentence = format!("{} counts {least} of {name} {labels:?}", self.name());
        await_condition(&sentence, DEADLINE, async || {
            let shown = self.metric(name, labels).await?;
            Ok(Seen::when(shown >= least, shown))
        })
        .await
    }
}
