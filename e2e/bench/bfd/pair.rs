//! Two ends and what is between them.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use e2e::await_condition;
use e2e::bench::{Capture, System};
use e2e::condition::Seen;
use e2e::netns::Network;

use crate::end::{End, Side};
use crate::farewell::ends_session;

const PATIENCE: Duration = Duration::from_secs(120);
const LEFT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const RIGHT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// A session of BGP, and one of BFD that watches over it. Gone when dropped.
pub(crate) struct Pair {
    pub(crate) left: Half,
    pub(crate) right: Half,
    capture: Capture,
    _network: Network,
}

/// One end, and whose it is.
pub(crate) struct Half {
    pub(crate) system: System,
    pub(crate) end: End,
    address: Ipv4Addr,
}

/// Which end is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Left,
    Right,
}

impl Pair {
    pub(crate) async fn start([left, right]: [System; 2]) -> Result<Self> {
        let mut network = Network::create()?;
        let (ours, theirs) = (network.namespace().await?, network.namespace().await?);
        network
            .link(
                (&ours, "eth0", &[(LEFT.into(), 24)]),
                (&theirs, "eth0", &[(RIGHT.into(), 24)]),
            )
            .await?;
        let capture = Capture::start(ours.name(), "tcp port 179")?;
        let folders = ["left", "right"].map(|name| network.folder().join(name));
        folders.iter().try_for_each(std::fs::create_dir)?;
        let [left_folder, right_folder] = &folders;
        let (own, other) = (
            Side {
                address: LEFT,
                asn: 64512,
                passive: false,
            },
            Side {
                address: RIGHT,
                asn: 64513,
                // Daemons of the harness have one identifier: two of them must not dial each other.
                passive: left != System::Herald,
            },
        );
        let left_end = End::start(left, (&ours, left_folder), [own, other]).await?;
        let right_end = End::start(right, (&theirs, right_folder), [other, own]).await?;
        let half = |system, end, address| Half {
            system,
            end,
            address,
        };
        let mut pair = Self {
            left: half(left, left_end, LEFT),
            right: half(right, right_end, RIGHT),
            capture,
            _network: network,
        };
        pair.await_ready().await?;
        Ok(pair)
    }

    /// Stops one end; s until the other one ends its BGP session.
    pub(crate) async fn stop_one(&mut self, which: Which) -> Result<f64> {
        while self.capture.poll().is_some() {}
        let (stopped, other) = match which {
            Which::Left => (&self.left, &self.right),
            Which::Right => (&self.right, &self.left),
        };
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?;
        stopped.end.suspend(true).await?;
        let farewell = async {
            loop {
                let packet = self.capture.next().await?;
                if packet.at >= at && ends_session(&packet.bytes, other.address) {
                    return anyhow::Ok(packet.at - at);
                }
            }
        };
        let time = tokio::time::timeout(PATIENCE, farewell).await;
        stopped.end.suspend(false).await?;
        let time = time.context("the session does not end")??;
        self.await_ready().await?;
        Ok(time.as_secs_f64())
    }

    async fn await_ready(&mut self) -> Result<()> {
        let (left, right) = (&mut self.left, &mut self.right);
        let what = format!("{} and {} are connected", left.system, right.system);
        let both = await_condition(&what, PATIENCE, async || {
            let ready = [left.end.is_ready().await?, right.end.is_ready().await?];
            Ok(Seen::when(ready == [true, true], ready))
        });
        both.await.map(drop)
    }
}
