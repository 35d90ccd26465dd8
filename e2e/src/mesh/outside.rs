//! What the world outside sees of pods.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;

use crate::client;
use crate::condition::{Seen, await_condition};
use crate::fetch::url;
use crate::mesh::{Mesh, WebPod};

/// Which address somebody outside sees of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenAs {
    /// Its node's.
    Node,
    /// Its own.
    Pod,
}

impl Mesh {
    /// Waits until the client behind the router sees every pod that way, over both families.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_seen_outside(&self, seen_as: SeenAs) -> Result<()> {
        let all = self.pods.iter().map(|pod| pod.await_seen_outside(seen_as));
        try_join_all(all).await.map(|_| ())
    }
}

impl WebPod {
    /// Waits until the client behind the router sees the pod that way, over both families.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_seen_outside(&self, seen_as: SeenAs) -> Result<()> {
        let expected: [IpAddr; 2] = match seen_as {
            SeenAs::Pod => self.addresses,
            SeenAs::Node => [self.node.ipv4.parse()?, self.node.ipv6.parse()?],
        };
        for (client, expected) in client::ADDRESSES.into_iter().zip(expected) {
            let page = url(client.parse()?, client::PORT, "/clientip");
            let sentence = format!("the client sees pod {} as {expected}", self.name);
            await_condition(&sentence, Duration::from_secs(60), async || {
                let seen = self.fetch(&page).await?;
                Ok(Seen::when(seen.parse::<IpAddr>()? == expected, seen))
            })
            .await?;
        }
        Ok(())
    }
}
