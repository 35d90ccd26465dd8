//! `nat`: a set of 2,000 addresses that are not translated, replaced by another.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;

use e2e::bench::{Row, System};
use e2e::netns::Network;

use crate::node::{Desired, NodeDrivers};
use crate::rig::Rig;

const ELEMENTS: u32 = 2000;

/// The node addresses of a cluster of 2,000 nodes, all of them other ones from run to run.
pub(crate) async fn rows(repeat: usize) -> Result<Vec<Row>> {
    let mut network = Network::create()?;
    let rig = Rig::create(&mut network).await?;
    let [host, other] = &rig.hosts;
    let mut drivers = NodeDrivers::start(&host.node, network.folder())?;
    let mut desired = Desired::between(host, other);
    let mut times = Vec::new();
    desired.nodes = nodes(0);
    drivers.apply(&desired).await?;
    for number in 1..=u32::try_from(repeat)? {
        desired.nodes = nodes(number);
        times.push(drivers.apply(&desired).await?);
    }
    drivers.stop().await?;
    let name = format!("nat/{ELEMENTS}-replaced");
    Ok(Row::of(&name, "s", System::Herald, &times)
        .into_iter()
        .collect())
}

fn nodes(run: u32) -> Vec<IpAddr> {
    let first = 0x0b00_0000 + run * ELEMENTS;
    (first..first + ELEMENTS)
        .map(|bits| Ipv4Addr::from_bits(bits).into())
        .collect()
}
