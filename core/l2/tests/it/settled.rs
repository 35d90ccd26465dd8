//! What must be so once nothing has happened for a while.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use l2::{Standing, View};

use crate::{
    faults::STABILITY_TIME,
    reference,
    traffic::Way,
    world::{World, is_running},
};

impl World {
    /// Gives everybody time to become stable, and the election to end.
    pub(crate) fn settle(&mut self) {
        self.run(STABILITY_TIME + Duration::from_secs(2));
    }

    /// Everything is as the reference says, for every node, for the client and for who only listens.
    pub(crate) fn assert_settled(&mut self) {
        self.ask_for_all();
        let all: Vec<usize> = (0..self.nodes.len()).collect();
        let views = self.views();
        for address in self.addresses.clone() {
            let owner = reference::owner(&self.nodes, &all, address);
            let answering = self.witness.answering(address);
            let expected: Vec<usize> = owner.into_iter().collect();
            assert_eq!(
                answering,
                expected,
                "who answers {address}\n{}",
                self.story()
            );
            self.assert_told(&views, address, owner);
            self.assert_believed(address, owner);
        }
        self.assert_heard(&views);
    }

    /// As [`Self::assert_settled`] for nodes that are cut off from the others together.
    pub(crate) fn assert_side(&mut self, side: &[usize]) {
        self.ask_for_all();
        for address in self.addresses.clone() {
            let expected = reference::owner(&self.nodes, side, address);
            let mut answering = self.witness.answering(address);
            answering.retain(|node| side.contains(node));
            let expected: Vec<usize> = expected.into_iter().collect();
            assert_eq!(
                answering,
                expected,
                "{address} on {side:?}\n{}",
                self.story()
            );
        }
    }

    /// Nobody sends more than it may while nothing happens.
    pub(crate) fn assert_quiet(&mut self) {
        self.run(Duration::from_secs(1));
        self.traffic.forget();
        self.run(Duration::from_secs(3));
        let segment = self.traffic.most(|way| matches!(way, Way::Segment(_)));
        assert!(segment <= 11, "{segment} heartbeats a second on a segment");
        let broadcast = self.traffic.most(|way| way == Way::Broadcast);
        assert_eq!(broadcast, 0, "frames to everybody without need");
        let others = u32::try_from(self.nodes.len()).unwrap();
        let routed = self.traffic.most(|way| way == Way::Routed);
        assert!(routed <= 11 * others, "{routed} routed heartbeats a second");
    }

    /// What each running node shows.
    fn views(&self) -> BTreeMap<usize, View> {
        let nodes = self.nodes.iter().enumerate();
        let running = nodes.filter(|(_, node)| is_running(node));
        running
            .map(|(number, node)| (number, node.speaker.as_ref().unwrap().view()))
            .collect()
    }

    fn assert_told(&self, views: &BTreeMap<usize, View>, address: IpAddr, owner: Option<usize>) {
        let owner_name = owner.map(|owner| self.nodes[owner].name.clone());
        for (number, view) in views {
            let node = &self.nodes[*number];
            let (name, owns) = (&node.name, Some(*number) == owner);
            assert_eq!(node.owned.contains(&address), owns, "{name}'s notices");
            let Some(held) = view.addresses.get(&address) else {
                let nominated = node.nominees.contains_key(&address);
                assert!(!nominated, "{name} does not show {address}");
                continue;
            };
            let stands = held.standing == Standing::Owner;
            assert_eq!(stands, owns, "{address} at {name}: {held:?}");
            if node.is_eligible(address) {
                assert_eq!(held.owner, owner_name, "{name} knows of {address}");
            }
        }
    }

    /// Gratuitous announcements have reached who never asks. Who still believes in a node that ended where the others did
    /// not hear it gets no answer from it any more, and asks sooner or later (RFC 4861 section 7.3).
    fn assert_believed(&self, address: IpAddr, owner: Option<usize>) {
        let Some(owner) = owner else {
            return;
        };
        for nic in self.nodes[owner].answers_on(address) {
            let believed = self.witness.caches.get(&(nic.segment, address));
            let is_unheard = |node: &usize| {
                let mut nics = self.nodes[*node].nics.iter();
                nics.any(|nic| believed == Some(&nic.mac()))
            };
            if !self.died_unheard.iter().any(is_unheard) {
                assert_eq!(believed, Some(&nic.mac()), "{address}\n{}", self.story());
            }
        }
    }

    /// Everybody who takes part hears everybody else who does.
    fn assert_heard(&self, views: &BTreeMap<usize, View>) {
        let takes_part = |number: &&usize| self.nodes[**number].takes_part();
        for number in views.keys().filter(takes_part) {
            let peers = views[number].peers.iter();
            let alive = peers.filter(|(_, peer)| peer.alive);
            let heard: Vec<&str> = alive.map(|(name, _)| &**name).collect();
            let others = views.keys().filter(takes_part);
            let others = others.filter(|other| *other != number);
            let mut expected: Vec<&str> = others.map(|other| &*self.nodes[*other].name).collect();
            expected.sort_unstable();
            assert_eq!(
                heard,
                expected,
                "whom node {number} hears\n{}",
                self.story()
            );
        }
    }
}
