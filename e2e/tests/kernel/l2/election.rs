use anyhow::{Context as _, Result};
use e2e::{await_condition, condition::Seen};

use super::{
    responder::Responder,
    segment::{Segment, mac},
};
use crate::node::DEADLINE;

#[tokio::test]
async fn one_of_three_answers_and_another_when_it_falls_silent_or_leaves() -> Result<()> {
    let segment = Segment::lay(3).await?;
    let nodes = segment.nodes.iter().zip(0..);
    // Only the node with the greatest weight has both addresses for sure; here all are alike, and hashes decide.
    let mut responders: Vec<_> = nodes
        .map(|(node, number)| Some(Responder::start(node, number, 3)))
        .collect();
    for responder in responders.iter().flatten() {
        responder.nominate(&[]);
    }
    for farewell in [false, true] {
        await_each_answered_once(&segment, &responders).await?;
        // The one that answers IPv4 goes.
        let owner = owner_of_ipv4(&segment, &responders).await?;
        let gone = responders[owner].take().context("it is there")?;
        match farewell {
            true => gone.leave().await?,
            false => drop(gone),
        }
    }
    let last = responders.iter().position(Option::is_some).unwrap();
    responders[last].as_ref().unwrap().await_owner().await?;
    let mac = mac(&segment.nodes[last], "eth0").await?;
    segment.await_answers(&mac).await
}

/// Both addresses have one owner each, and one MAC answers each.
async fn await_each_answered_once(
    segment: &Segment,
    responders: &[Option<Responder>],
) -> Result<()> {
    await_condition("one owner of each address", DEADLINE, async || {
        let owned: Vec<_> = responders.iter().flatten().map(Responder::owned).collect();
        let answers = [
            segment.ask_arp(super::IPV4).await?,
            segment.ask_ndp(super::IPV6).await?,
        ];
        let holds = owned.iter().sum::<usize>() == 2 && answers.iter().all(|macs| macs.len() == 1);
        Ok(Seen::when(holds, (owned, answers)))
    })
    .await
    .map(drop)
}

async fn owner_of_ipv4(segment: &Segment, responders: &[Option<Responder>]) -> Result<usize> {
    let answering = segment.ask_arp(super::IPV4).await?;
    for (place, node) in segment.nodes.iter().enumerate() {
        if responders[place].is_some() && answering.contains(&mac(node, "eth0").await?) {
            return Ok(place);
        }
    }
    anyhow::bail!("none of the nodes has {answering:?}")
}
