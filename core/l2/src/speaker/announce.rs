//! Who announces by BGP what only some nodes are to: each tells what it can and does. Who should is not decided here.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use super::Speaker;
use crate::{Announcer, heartbeat::Advertising};

/// After a stop it takes so long until those are heard again who are alive.
const LISTENING: Duration = Duration::from_secs(1);

impl Speaker {
    /// Whether heartbeats have to go out, whatever layer 2 needs: other nodes count on hearing what this one announces.
    pub fn handle_announcing(&mut self, now: Duration, announcing: bool) {
        if self.announcing != announcing {
            self.announcing = announcing;
            self.beat.hurry(now);
            self.version += 1;
        }
    }

    /// What this node says from now on about announcing the address by BGP.
    pub fn handle_advertising(&mut self, now: Duration, address: IpAddr, advertising: Advertising) {
        let advertising = match self.leaving {
            true => Advertising::Unable,
            false => advertising,
        };
        if self.said.set_advertising(address, advertising) {
            self.beat.hurry(now);
        }
    }

    /// An address about which other nodes say something else than before, and which of them can announce it, by name.
    pub fn poll_announcers(&mut self, now: Duration) -> Option<(IpAddr, Vec<Announcer>)> {
        if self.listens_until.is_some_and(|until| now < until) {
            return None;
        }
        let address = self.turned.pop_first()?;
        Some((address, self.membership.announcers(address).collect()))
    }

    /// Nothing was heard while the process was stopped, and whoever was known is not forgotten for that.
    pub(super) fn listen_again(&mut self, now: Duration) {
        self.turned.extend(self.membership.advertised());
        self.listens_until = Some(now + LISTENING);
    }
}
