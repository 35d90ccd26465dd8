//! Who should own what: the greatest rank among all nodes that are well, computed from all of them at once.

use std::net::IpAddr;

use l2::{Rank, digest};

use crate::node::Node;

/// The owner once everything has settled and everybody hears everybody of `among`.
pub(crate) fn owner(nodes: &[Node], among: &[usize], address: IpAddr) -> Option<usize> {
    let eligible = among
        .iter()
        .filter(|node| nodes[**node].is_eligible(address));
    let owner = eligible.max_by_key(|node| rank(&nodes[**node], address));
    owner.copied()
}

fn rank(node: &Node, address: IpAddr) -> Rank {
    let cards = node.answers_on(address);
    Rank {
        stable: true,
        on_subnet: cards.iter().any(|nic| nic.interface.is_on_subnet(address)),
        weight: node.nominees[&address].weight,
        digest: digest(&node.name, address),
    }
}
