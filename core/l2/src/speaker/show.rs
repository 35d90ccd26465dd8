//! How everything stands, for people.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::net::IpAddr;

use super::{Speaker, fitness::Unfit};
use crate::{
    Held, NodeName, PeerView, Standing, View,
    claim::{Claim, State},
    life::Life,
};

impl Speaker {
    /// How everything stands.
    pub fn view(&self) -> View {
        let nominated = self
            .claims
            .iter()
            .filter(|(_, claim)| claim.nominee.is_some());
        let addresses = nominated.map(|(address, claim)| (*address, self.held(*address, claim)));
        let peers = self.membership.lives().filter(|(_, life)| life.proven);
        let suspects = self.suspects.iter();
        View {
            addresses: addresses.collect(),
            peers: peers
                .map(|(node, life)| (node.clone(), self.peer(life)))
                .collect(),
            has_key: self.keys.has_key(),
            interval: self.beat.interval(),
            unauthentic: suspects
                .map(|(node, suspect)| (node.clone(), suspect.sentence(node)))
                .collect::<BTreeMap<NodeName, _>>(),
            counters: self.counters.clone(),
        }
    }

    fn held(&self, address: IpAddr, claim: &Claim) -> Held {
        let standing = self.standing(claim);
        let owner = match standing {
            Standing::Owner => Some(self.config.node.clone()),
            Standing::NotOwner
            | Standing::Probing
            | Standing::OwnerAliveOnSegment
            | Standing::NoInterface
            | Standing::Listening
            | Standing::NoKey => self.owner(self.last_run, address, claim),
        };
        Held {
            standing,
            interfaces: self.names(claim.interfaces.iter().copied()),
            owner,
        }
    }

    fn standing(&self, claim: &Claim) -> Standing {
        match (claim.state, self.fitness(self.last_run, claim)) {
            (State::Owner(_) | State::Yielding { .. }, _) => Standing::Owner,
            (State::Probing { .. }, _) => Standing::Probing,
            (State::Blocked { .. }, _) => Standing::OwnerAliveOnSegment,
            (State::Idle, Err(Unfit::NoKey)) => Standing::NoKey,
            (State::Idle, Err(Unfit::NoInterface | Unfit::Silenced)) => Standing::NoInterface,
            (State::Idle, Err(Unfit::Listening(_))) => Standing::Listening,
            (State::Idle, Ok(_) | Err(Unfit::Withdrawn | Unfit::Leaving)) => Standing::NotOwner,
        }
    }

    fn peer(&self, life: &Life) -> PeerView {
        let entries = || life.entries.by_position().values();
        PeerView {
            alive: life.alive,
            segments: self.names(life.segments()),
            nominations: entries().filter(|entry| entry.candidate).count(),
            claims: entries().filter(|entry| entry.claimed).count(),
            synced: life.lacking.is_none(),
        }
    }

    fn names(&self, interfaces: impl Iterator<Item = u32>) -> Vec<Arc<str>> {
        let ports = interfaces.filter_map(|index| self.ports.get(&index));
        ports.map(|port| port.interface.name.clone()).collect()
    }
}
