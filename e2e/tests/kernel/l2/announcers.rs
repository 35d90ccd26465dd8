//! Heartbeats between nodes that announce by BGP alone: nobody answers for an address on the segment.

use std::{collections::BTreeMap, net::IpAddr};

use anyhow::Result;
use e2e::{await_condition, condition::Seen};
use plan::Capped;

use super::{
    both,
    responder::{Responder, name},
    segment::Segment,
};
use crate::node::DEADLINE;

#[tokio::test]
async fn tell_each_other_what_they_announce_and_miss_who_dies() -> Result<()> {
    let segment = Segment::lay(3).await?;
    let nodes = segment.nodes.iter().zip(0..);
    let mut nodes: Vec<_> = nodes
        .map(|(node, number)| Responder::start(node, number, 3))
        .collect();
    let [address, _] = both();
    for (node, within) in nodes.iter().zip([true, false, false]) {
        node.announce(address, Capped { within, able: true });
    }
    let mut known = [(); 3].map(|()| Known::new());
    await_known(
        &nodes,
        &mut known,
        address,
        &[
            &[(1, false), (2, false)],
            &[(0, true), (2, false)],
            &[(0, true), (1, false)],
        ],
    )
    .await?;
    let within = Capped {
        within: true,
        able: true,
    };
    nodes[1].announce(address, within);
    drop(nodes.remove(0));
    await_known(
        &nodes,
        &mut known[1..],
        address,
        &[&[(2, false)], &[(1, true)]],
    )
    .await?;
    nodes[0].announce(
        address,
        Capped {
            able: false,
            ..within
        },
    );
    await_known(&nodes, &mut known[1..], address, &[&[(2, false)], &[]]).await
}

/// What a node was told of the others, in the end.
type Known = BTreeMap<IpAddr, Vec<(String, bool)>>;

async fn await_known(
    nodes: &[Responder],
    known: &mut [Known],
    address: IpAddr,
    expected: &[&[(u8, bool)]],
) -> Result<()> {
    let expected: Vec<Vec<(String, bool)>> = expected
        .iter()
        .map(|each| {
            each.iter()
                .map(|(number, does)| (name(*number).to_string(), *does))
                .collect()
        })
        .collect();
    await_condition("they know of each other", DEADLINE, async || {
        for (node, known) in nodes.iter().zip(known.iter_mut()) {
            let told = node.take_announcers().into_iter();
            known.extend(told.map(|(address, others)| {
                let others = others.into_iter();
                let others = others.map(|other| (other.node.to_string(), other.advertises));
                (address, others.collect())
            }));
        }
        let now: Vec<_> = known
            .iter()
            .map(|known| known.get(&address).cloned().unwrap_or_default())
            .collect();
        Ok(Seen::when(now == expected, now))
    })
    .await
    .map(drop)
}
