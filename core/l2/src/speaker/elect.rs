//! Who owns an address: one step of one claim.

use core::{net::IpAddr, time::Duration};

use super::{Speaker, fitness::Unfit, transmit::Shot};
use crate::{
    Gain, Loss, NodeName, Notice,
    claim::{Claim, Former, State},
    gratuitous::Gratuitous,
    heartbeat::Entry,
    port::Port,
};

/// An address that is given up is answered for so long, unless somebody else claims it before.
const YIELD: Duration = Duration::from_millis(300);
/// Probes before an address is taken over from somebody who fell silent.
const PROBES: u8 = 3;
/// Time between them, and after the last one.
const PROBE_SPACING: Duration = Duration::from_millis(50);
/// Time until an owner that is not heard and answered a probe is probed again.
const PROBE_AGAIN: Duration = Duration::from_millis(300);
/// Time until it is looked again whether somebody still has not said all.
const WAIT: Duration = Duration::from_millis(500);

impl Speaker {
    /// Looks at one address again.
    pub(super) fn step(&mut self, now: Duration, address: IpAddr) {
        let Some(mut claim) = self.claims.remove(&address) else {
            return;
        };
        if let Some(timer) = claim.timer.take() {
            self.timers.remove(&(timer, address));
        }
        let before = claim.state;
        let wake = match self.fitness(now, &claim) {
            Ok(stable_at) => {
                let wake = self.compete(now, address, &mut claim, stable_at);
                wake.into_iter().chain(stable_at).min()
            }
            Err(unfit) => self.give_up(now, address, &mut claim, unfit),
        };
        if core::mem::discriminant(&before) != core::mem::discriminant(&claim.state) {
            self.version += 1;
        }
        claim.entry = self.entry(now, address, &claim);
        if self.said.set(claim.entry) {
            self.beat.hurry(now);
            self.version += 1;
        }
        if claim.is_over() {
            self.version += 1;
            self.shots.remove(&address);
            self.release(now, &claim);
            return;
        }
        claim.timer = wake;
        self.timers.extend(wake.map(|wake| (wake, address)));
        self.claims.insert(address, claim);
    }

    /// We have a say. Gives when to look again.
    fn compete(
        &mut self,
        now: Duration,
        address: IpAddr,
        claim: &mut Claim,
        stable_at: Option<Duration>,
    ) -> Option<Duration> {
        let own = Entry {
            stable: stable_at.is_none(),
            candidate: true,
            ..self.entry(now, address, claim)
        };
        let rivals = self.rivals(address, claim, own.rank(&self.config.node));
        if let State::Yielding { .. } = claim.state {
            // Wanted here again before anybody else had it.
            claim.state = State::Owner(Gratuitous::new(now));
        }
        if let State::Owner(mut gratuitous) = claim.state {
            if let Some(successor) = rivals.better_claim {
                self.lose(address, claim, Loss::Outranked, Some(successor));
                return None;
            }
            let interval = claim
                .nominee
                .as_ref()
                .and_then(|nominee| nominee.gratuitous_interval);
            if gratuitous.take(now, interval) {
                self.shots.insert(address, Shot::Announce);
            }
            claim.state = State::Owner(gratuitous);
            return gratuitous.poll_timeout();
        }
        if rivals.better.is_some() {
            claim.state = State::Idle;
            return None;
        }
        if let Some((_, goes_on)) = rivals.claim {
            let gain = if goes_on {
                Gain::Outranked
            } else {
                Gain::HandedOver
            };
            return self.own(now, address, claim, gain);
        }
        claim.waits = self
            .membership
            .is_uncertain(now, address, &claim.interfaces);
        if claim.waits {
            claim.state = State::Idle;
            return Some(now + WAIT);
        }
        match claim.former {
            Former::Left => self.own(now, address, claim, Gain::HandedOver),
            Former::Unknown => self.probe(now, address, claim, Gain::Vacant),
            Former::Dead => self.probe(now, address, claim, Gain::OwnerDead),
        }
    }

    fn probe(
        &mut self,
        now: Duration,
        address: IpAddr,
        claim: &mut Claim,
        gain: Gain,
    ) -> Option<Duration> {
        let (sent, next) = match claim.state {
            State::Probing { sent, next } => (sent, next),
            State::Blocked { until } if until > now => return Some(until),
            State::Idle | State::Blocked { .. } | State::Owner(_) | State::Yielding { .. } => {
                (0, now)
            }
        };
        if next > now {
            return Some(next);
        }
        if sent == PROBES {
            return self.own(now, address, claim, gain);
        }
        self.shots.insert(address, Shot::Probe);
        let next = now + PROBE_SPACING;
        claim.state = State::Probing {
            sent: sent + 1,
            next,
        };
        Some(next)
    }

    fn own(
        &mut self,
        now: Duration,
        address: IpAddr,
        claim: &mut Claim,
        gain: Gain,
    ) -> Option<Duration> {
        let mut gratuitous = Gratuitous::new(now);
        let interval = claim
            .nominee
            .as_ref()
            .and_then(|nominee| nominee.gratuitous_interval);
        gratuitous.take(now, interval);
        self.shots.insert(address, Shot::Announce);
        claim.state = State::Owner(gratuitous);
        claim.former = Former::Unknown;
        *self.counters.gained.entry(gain).or_default() += 1;
        let names = claim
            .interfaces
            .iter()
            .filter_map(|index| self.ports.get(index));
        self.notices.push_back(Notice::Owned {
            address,
            interfaces: names.map(|port| port.interface.name.clone()).collect(),
            gain,
        });
        gratuitous.poll_timeout()
    }

    /// We have no say. Gives when to look again.
    fn give_up(
        &mut self,
        now: Duration,
        address: IpAddr,
        claim: &mut Claim,
        unfit: Unfit,
    ) -> Option<Duration> {
        let wake = match unfit {
            Unfit::Listening(until) => Some(until),
            Unfit::Withdrawn
            | Unfit::Leaving
            | Unfit::NoKey
            | Unfit::NoInterface
            | Unfit::Silenced => None,
        };
        let loss = match unfit {
            Unfit::Withdrawn => Loss::Withdrawn,
            Unfit::Leaving => Loss::Left,
            Unfit::NoInterface | Unfit::Listening(_) => Loss::InterfaceDown,
            Unfit::NoKey | Unfit::Silenced => Loss::Silenced,
        };
        match claim.state {
            State::Idle => wake,
            State::Probing { .. } | State::Blocked { .. } => {
                claim.state = State::Idle;
                wake
            }
            State::Owner(_)
                if matches!(loss, Loss::Withdrawn | Loss::Left) && self.can_answer(claim) =>
            {
                let until = now + YIELD;
                claim.state = State::Yielding { until, loss };
                Some(until)
            }
            State::Owner(_) => {
                self.lose(address, claim, loss, None);
                wake
            }
            State::Yielding { until, loss } => {
                let successor = self.successor(address, claim);
                if successor.is_none() && now < until && self.can_answer(claim) {
                    return Some(until);
                }
                self.lose(address, claim, loss, successor);
                wake
            }
        }
    }

    fn lose(
        &mut self,
        address: IpAddr,
        claim: &mut Claim,
        loss: Loss,
        successor: Option<NodeName>,
    ) {
        claim.state = State::Idle;
        claim.former = Former::Unknown;
        self.shots.remove(&address);
        *self.counters.lost.entry(loss).or_default() += 1;
        self.notices.push_back(Notice::Lost {
            address,
            loss,
            successor,
        });
    }

    fn can_answer(&self, claim: &Claim) -> bool {
        let mut ports = claim
            .interfaces
            .iter()
            .filter_map(|index| self.ports.get(index));
        self.keys.has_key() && ports.any(|port| !port.silent)
    }

    /// The address can be answered no longer here: somebody else is to have it, at once.
    pub(super) fn end_claim(&mut self, address: IpAddr, loss: Loss) {
        let Some(mut claim) = self.claims.remove(&address) else {
            return;
        };
        match claim.is_answered() {
            true => self.lose(address, &mut claim, loss, None),
            false => claim.state = State::Idle,
        }
        claim.former = Former::Unknown;
        self.claims.insert(address, claim);
    }

    /// Tells the segment once more who answers.
    pub(super) fn announce_again(&mut self, now: Duration, address: IpAddr) {
        if let Some(claim) = self.claims.get_mut(&address)
            && let State::Owner(gratuitous) = &mut claim.state
        {
            *gratuitous = Gratuitous::new(now);
        }
    }

    /// An answer to a probe showed that the former owner is alive.
    pub(super) fn block(&mut self, now: Duration, address: IpAddr) {
        if let Some(claim) = self.claims.get_mut(&address)
            && let State::Probing { .. } = claim.state
        {
            claim.state = State::Blocked {
                until: now + PROBE_AGAIN,
            };
            self.counters.owner_alive += 1;
            self.version += 1;
            self.shots.remove(&address);
            self.dirty.insert(address);
        }
    }

    /// A claim is over: its interfaces have one address less.
    fn release(&mut self, now: Duration, claim: &Claim) {
        for index in &claim.interfaces {
            if let Some(port) = self.ports.get_mut(index) {
                port.concerns = port.concerns.saturating_sub(1);
                Port::settle(port, now);
            }
        }
    }
}
