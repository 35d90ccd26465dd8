//! How long it takes until everything works again after something was broken.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::client;
use crate::fetch::url;
use crate::mesh::{Mesh, WebPod};

/// Breaks, then asks for every page at once until each shows what is expected, and looks at Herald's routes until they
/// are what they were (a default route may lead pods' packets to the right place meanwhile); prints the milliseconds.
const BREAK_AND_WAIT: &str = "\
set -e; \
routes() { ip -4 route show proto 158; ip -6 route show proto 158; }; \
before=$(routes); [ -n \"$before\" ]; \
broken=$(date +%s%N); eval \"$1\"; shift; \
(until [ \"$(routes)\" = \"$before\" ]; do sleep 0.02; done) & \
while [ $# -gt 0 ]; do \
  (until [ \"$(curl -sgf --max-time 0.5 \"$1\")\" = \"$2\" ]; do sleep 0.02; done) & shift 2; \
done; \
wait; echo $((($(date +%s%N) - broken) / 1000000))";

impl Mesh {
    /// Breaks something on the node of `from` by a script, and tells how long it takes until `from` reaches all other
    /// pods and the client again, and is seen as it should.
    ///
    /// # Errors
    /// When that does not happen within two minutes.
    pub async fn time_repair(&self, from: &WebPod, script: &str) -> Result<Duration> {
        let mut pages = Vec::new();
        for to in self.pods.iter().filter(|to| to.name != from.name) {
            for (page, own) in to.urls("/clientip").iter().zip(from.addresses) {
                pages.extend([from.proxy(page), own.to_string()]);
            }
        }
        let own = [from.node.ipv4, from.node.ipv6];
        for (client, own) in client::ADDRESSES.into_iter().zip(own) {
            let page = url(client.parse()?, client::PORT, "/clientip");
            pages.extend([from.proxy(&page), own.to_owned()]);
        }
        let output = from
            .node
            .machine
            .command("timeout")
            .args(["120", "bash", "-c", BREAK_AND_WAIT, "repair", script])
            .args(pages)
            .output()
            .await
            .with_context(|| format!("{} does not recover from: {script}", from.node.name()))?;
        Ok(Duration::from_millis(output.trim().parse()?))
    }
}
