use core::time::Duration;

use super::{Cause, Peer, excess};
use crate::fsm::Event;
use crate::graceful_restart::{BfdFate, Restarting};
use crate::notice::{ConnectionId, Notice};
use crate::outside::Outside;
use crate::rib::{AdjRibIn, Outcome};
use crate::session::Session;
use crate::wire::{RouteRefresh, Update};

/// What the end of one side's speaker means to the routes of the other (RFC 4724, RFC 8538).
impl Peer {
    /// What the peer advertises, or has advertised before it went to be back soon.
    pub(crate) fn adj_rib_in(&self) -> Option<&AdjRibIn> {
        let session = self.session.as_ref().map(|session| &session.adj_rib_in);
        session.or(self.kept.as_ref().map(|kept| &kept.adj_rib_in))
    }

    /// Whether what the peer advertises counts only where no other peer knows a path.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.is_doubtful)
    }

    /// BFD said that the way to the peer is broken. A peer whose BFD ends with its control plane may only restart: what is
    /// kept stays, and of a session that BFD ended, as long as nobody else knows a path (RFC 5882 section 4.3).
    pub(super) fn doubt(&mut self, fate: BfdFate, had_session: bool, outside: &mut Outside) {
        match (fate, &mut self.kept) {
            (BfdFate::Independent, _) => self.forget_kept(outside),
            (BfdFate::Shared, Some(kept)) if had_session => {
                kept.is_doubtful = true;
                kept.adj_rib_in.mark_all(&mut outside.learned);
            }
            (BfdFate::Shared, _) => {}
        }
    }

    /// Whether all that the peer has is known. One of which nothing is accepted has nothing.
    pub(crate) fn has_converged(&self) -> bool {
        let session = self.session.as_ref();
        self.config.import.is_closed() || session.is_some_and(Session::has_converged)
    }

    /// What our OPEN says of us. Forwarding goes on whenever it is only the session that ended.
    pub(super) fn restarting(&self, now: Duration, outside: &Outside) -> Restarting {
        let restarted = outside.restarted;
        Restarting {
            restarting: restarted.is_some_and(|restarted| now < restarted.until),
            forwarding: self.flaps > 0 || restarted.is_some_and(|restarted| restarted.forwarding),
        }
    }

    /// Whether the peer's routes outlive a session that this event ends. `hard`: one of the two said that they do not.
    pub(super) const fn outlives(session: &Session, event: Event, hard: bool) -> bool {
        let Some(agreed) = session.restart.as_ref() else {
            return false;
        };
        match event {
            Event::TcpFails | Event::BfdDown => true,
            Event::HoldTimerExpires
            | Event::NotificationVersionError
            | Event::Notification
            | Event::HeaderError
            | Event::OpenError
            | Event::UpdateError
            | Event::OpenCollisionDump
            | Event::ConnectRetryTimerExpires
            | Event::KeepaliveTimerExpires
            | Event::IdleHoldTimerExpires
            | Event::IdleHoldTimerExpiresPassive
            | Event::TcpConnected
            | Event::BgpOpen
            | Event::KeepaliveMessage
            | Event::UpdateMessage
            | Event::RouteRefreshMessage
            | Event::SendHoldTimerExpires => agreed.notification && !hard,
            Event::Start | Event::StartPassive | Event::Stop | Event::TooManyPrefixes => false,
        }
    }

    /// Takes the routes. Why the session is to end: there are more than may be.
    pub(super) fn take_update(&mut self, update: &Update, outside: &mut Outside) -> Option<Cause> {
        let session = self.session.as_mut()?;
        let mut outcome = Outcome {
            counters: &mut self.counters,
            learned: &mut outside.learned,
        };
        let import = &self.config.import;
        let exceeded = session.handle_update(update, import, &mut outcome);
        if let Some(family) = update.end_of_rib
            && session.handle_end_of_rib(family, &mut outside.learned)
        {
            let peer = self.config.name.clone();
            outside.notify(Notice::EndOfRib { peer, family });
        }
        exceeded.and_then(|family| excess::cause(import, family))
    }

    pub(super) fn take_route_refresh(
        &mut self,
        now: Duration,
        id: ConnectionId,
        refresh: RouteRefresh,
        outside: &mut Outside,
    ) {
        if let Some(session) = self.session.as_mut().filter(|each| each.connection == id) {
            session.handle_route_refresh(now, refresh, &outside.loc_rib, &mut outside.learned);
        }
    }

    /// Routes whose time is over go.
    pub(super) fn expire_routes(&mut self, now: Duration, outside: &mut Outside) {
        if self.kept.as_ref().is_some_and(|kept| kept.until <= now) {
            self.forget_kept(outside);
        }
        if let Some(session) = &mut self.session {
            session.handle_timeout(now, &mut outside.learned);
        }
    }

    /// When [`Peer::expire_routes`] has something to do.
    pub(super) fn routes_expire(&self) -> Option<Duration> {
        let kept = self.kept.as_ref().map(|kept| kept.until);
        let session = self.session.as_ref();
        kept.into_iter()
            .chain(session.and_then(Session::poll_timeout))
            .min()
    }

    /// Nothing of a session before counts any more.
    pub(super) fn forget_kept(&mut self, outside: &mut Outside) {
        if let Some(kept) = self.kept.take() {
            kept.adj_rib_in.release(&mut outside.learned);
        }
    }
}
