//! Whether this node may answer an address at all, and what it says about it.

use core::{net::IpAddr, time::Duration};

use super::Speaker;
use crate::{
    claim::Claim,
    heartbeat::{Advertising, Entry},
    port::Say,
};

/// Why this node has no say about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    Withdrawn,
    Leaving,
    NoKey,
    NoInterface,
    Listening(Duration),
    Silenced,
}

impl Speaker {
    /// Whether we have a say, and if so when we count as stable, as long as we do not.
    pub(super) fn fitness(&self, now: Duration, claim: &Claim) -> Result<Option<Duration>, Unfit> {
        let Some(nominee) = &claim.nominee else {
            return Err(Unfit::Withdrawn);
        };
        if self.leaving {
            return Err(Unfit::Leaving);
        }
        if !self.keys.has_key() {
            return Err(Unfit::NoKey);
        }
        let ports = || {
            claim
                .interfaces
                .iter()
                .filter_map(|index| self.ports.get(index))
        };
        let says = ports().map(|port| (port.say(now), port));
        let mut unfit = Unfit::NoInterface;
        let mut well: Option<Duration> = None;
        for (say, port) in says {
            match say {
                Say::Yes => well = Some(well.map_or(port.well_since, |w| w.min(port.well_since))),
                Say::Listening(until) => unfit = Unfit::Listening(until),
                Say::Silent if unfit == Unfit::NoInterface => unfit = Unfit::Silenced,
                Say::Silent => {}
            }
        }
        let stable_at = well.ok_or(unfit)? + nominee.stability_time;
        Ok((stable_at > now && !claim.is_answered()).then_some(stable_at))
    }

    /// What our heartbeats say about it.
    pub(super) fn entry(&self, now: Duration, address: IpAddr, claim: &Claim) -> Entry {
        let claimed = claim.is_answered();
        let (candidate, stable) = match self.fitness(now, claim) {
            // Who owns an address counts as stable for it: others that become so do not take it one after the other.
            Ok(stable_at) => (true, claimed || stable_at.is_none()),
            Err(_) => (false, claimed),
        };
        if !candidate && !claimed {
            return Entry::none(address);
        }
        Entry {
            address,
            weight: claim.nominee.as_ref().map_or(0, |nominee| nominee.weight),
            candidate,
            claimed,
            stable,
            on_subnet: claim.on_subnet,
            advertising: Advertising::Unable,
        }
    }
}
