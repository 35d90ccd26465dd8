use alloc::vec::Vec;
use core::time::Duration;

use crate::freshness::Freshness;
use crate::fsm::Connection;
use crate::graceful_restart::RestartAgreement;
use crate::import::Import;
use crate::kept::Kept;
use crate::notice::ConnectionId;
use crate::params::{Asn, BgpIdentifier, Family, FamilySet};
use crate::peer_config::PeerConfig;
use crate::rib::{AdjRibIn, AdjRibOut, Export, Learned, LocRib, LocalEnd, Outcome};
use crate::wire::{
    CeaseSubcode, ErrorCode, Message, Notification, RouteRefresh, RouteRefreshKind, Update,
};

/// A peer's life while Established.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    pub(crate) since: Duration,
    /// What the peer's OPEN says.
    pub(crate) remote_asn: Asn,
    pub(crate) remote_identifier: BgpIdentifier,
    pub(crate) adj_rib_in: AdjRibIn,
    pub(crate) adj_rib_out: AdjRibOut,
    /// Whether the peer sends its routes again when asked (RFC 2918).
    pub(crate) can_refresh: bool,
    pub(crate) restart: Option<RestartAgreement>,
    promises_end_of_rib: bool,
    /// The peer has restarted too: waiting for its routes could be waiting for each other.
    is_restarting: bool,
    freshness: Freshness,
    /// Families that the peer is to be asked for.
    asks_for: FamilySet,
}

impl Session {
    /// Nothing unless both OPENs were seen on this connection.
    pub(crate) fn new(
        now: Duration,
        config: &PeerConfig,
        connection: &Connection,
        rib: &LocRib,
    ) -> Option<Self> {
        let negotiated = connection.negotiated.as_ref()?;
        let addresses = connection.addresses.as_ref()?;
        let export = Export::new(config, negotiated, addresses);
        Some(Self {
            connection: connection.id,
            since: now,
            remote_asn: negotiated.remote_asn,
            remote_identifier: negotiated.remote_identifier,
            adj_rib_in: AdjRibIn::new(LocalEnd::new(config, addresses)),
            adj_rib_out: AdjRibOut::new(config.name.clone(), export, rib),
            can_refresh: negotiated.route_refresh,
            restart: negotiated.restart,
            promises_end_of_rib: negotiated.promises_end_of_rib,
            is_restarting: negotiated.restarting,
            freshness: Freshness::default(),
            asks_for: FamilySet::NONE,
        })
    }

    /// Goes on with the routes of the session before, as far as the peer has preserved their forwarding state; all others
    /// are over (RFC 4724 section 4.2).
    pub(crate) fn resume(&mut self, kept: Kept, learned: &mut Learned) {
        let Kept {
            mut adj_rib_in,
            confirmed_until,
            is_doubtful,
            ..
        } = kept;
        if is_doubtful {
            adj_rib_in.mark_all(learned);
        }
        let families = self.restart.map(|agreed| agreed.forwarding);
        let families = families.unwrap_or_default();
        adj_rib_in.narrow(families, learned);
        self.adj_rib_in.take_over(adj_rib_in);
        self.freshness.resume(families, confirmed_until);
    }

    /// The session was lost: what is kept of the peer's routes. What was stale since a loss before is over (RFC 4724 section
    /// 4.2).
    pub(crate) fn keep(self, now: Duration, learned: &mut Learned) -> Option<Kept> {
        let resumed = self.freshness.resumed();
        let agreed = self.restart.filter(|agreed| !agreed.restart_time.is_zero());
        let families = agreed.map(|agreed| agreed.families).unwrap_or_default();
        let mut adj_rib_in = self.adj_rib_in;
        adj_rib_in.narrow(families, learned);
        for family in families.iter() {
            if resumed.contains(family) {
                adj_rib_in.sweep(family, learned);
            }
            adj_rib_in.mark_stale(family);
        }
        agreed.map(|agreed| Kept::new(now, adj_rib_in, &agreed))
    }

    /// A demarcation of what was not negotiated and unknown kinds are passed over (RFC 7313 section 5).
    pub(crate) fn handle_route_refresh(
        &mut self,
        now: Duration,
        refresh: RouteRefresh,
        rib: &LocRib,
        learned: &mut Learned,
    ) {
        let RouteRefresh { family, kind } = refresh;
        let dialect = self.adj_rib_out.export().dialect();
        let marks = dialect.enhanced_route_refresh;
        if !dialect.families.contains(family) {
            return;
        }
        match kind {
            RouteRefreshKind::Request => self.adj_rib_out.resend(family, rib),
            RouteRefreshKind::Begin if marks => {
                let promised = self.promises_end_of_rib;
                if self
                    .freshness
                    .handle_begin_of_refresh(now, family, promised)
                {
                    self.adj_rib_in.mark_stale(family);
                }
            }
            RouteRefreshKind::End if marks => {
                if self.freshness.handle_end_of_refresh(family) {
                    self.adj_rib_in.sweep(family, learned);
                }
            }
            RouteRefreshKind::Begin | RouteRefreshKind::End | RouteRefreshKind::Unknown(_) => {}
        }
    }

    /// The peer has sent all it has of a family; whether for the first time.
    pub(crate) fn handle_end_of_rib(&mut self, family: Family, learned: &mut Learned) -> bool {
        if self.freshness.ends_by_end_of_rib(family) {
            self.adj_rib_in.sweep(family, learned);
        }
        self.freshness.handle_end_of_rib(family)
    }

    /// What the peer has not confirmed in time goes.
    pub(crate) fn handle_timeout(&mut self, now: Duration, learned: &mut Learned) {
        for family in self.freshness.expire(now).iter() {
            self.adj_rib_in.sweep(family, learned);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.freshness.next()
    }

    /// Whether the peer has sent all it has, or is not to be waited for (RFC 4724 section 4.1).
    pub(crate) fn has_converged(&self) -> bool {
        let families = self.adj_rib_out.export().dialect().families;
        self.is_restarting || self.freshness.is_complete(families)
    }

    /// Whether a connection that the peer makes now ends this session: it has lost it (RFC 4724 section 5).
    pub(crate) fn gives_way(&self) -> bool {
        self.restart
            .is_some_and(|agreed| !agreed.families.is_empty())
    }

    /// What a NOTIFICATION that ends the session is to look like: one that is meant to end the routes too says so, where
    /// another would not (RFC 8538 section 5.1).
    pub(crate) fn harden(&self, notification: Notification) -> Notification {
        use CeaseSubcode::{AdministrativeShutdown, MaximumPrefixes, PeerDeconfigured};
        let ends_routes = matches!(
            notification.error,
            ErrorCode::Cease(MaximumPrefixes | AdministrativeShutdown | PeerDeconfigured)
        );
        match ends_routes && self.restart.is_some_and(|agreed| agreed.notification) {
            true => Notification::hard_reset(&notification),
            false => notification,
        }
    }

    /// Takes the routes of an UPDATE; the family of which there are more than may be. What was ignored over that is asked
    /// for once there is room again.
    pub(crate) fn handle_update(
        &mut self,
        update: &Update,
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) -> Option<Family> {
        let exceeded = self.adj_rib_in.handle_update(update, import, outcome);
        if self.can_refresh {
            let roomy = self.adj_rib_in.has_room_again(import);
            roomy.iter().for_each(|family| self.asks_for.insert(family));
        }
        exceeded
    }

    /// Applies a new import filter; the family of which there is more than may be now. What it newly lets pass was not
    /// stored: the peer is asked for it.
    pub(crate) fn handle_import(
        &mut self,
        before: &Import,
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) -> Option<Family> {
        let exceeded = self.adj_rib_in.handle_import(import, outcome);
        if !self.can_refresh || import.is_closed() {
            return exceeded;
        }
        let asked = match import.narrows(before) {
            // What was ignored before for want of room may have room now.
            true => self.adj_rib_in.overflowed(),
            false => self.adj_rib_out.export().dialect().families,
        };
        asked.iter().for_each(|family| self.asks_for.insert(family));
        exceeded
    }

    /// Appends the ROUTE-REFRESHes that wait: one per family at most, however often the filter changed; with marks none
    /// before an End-of-RIB that is still to come, as the peer need not take it (RFC 7313 section 4).
    pub(crate) fn take_requests(&mut self, out: &mut Vec<u8>) {
        let dialect = *self.adj_rib_out.export().dialect();
        let ready = match dialect.enhanced_route_refresh && self.promises_end_of_rib {
            true => self.asks_for & self.freshness.complete(),
            false => self.asks_for,
        };
        let waiting = self.asks_for.iter();
        self.asks_for = waiting.filter(|family| !ready.contains(*family)).collect();
        for family in ready.iter() {
            self.adj_rib_in.forget_overflow(family);
            let message = Message::RouteRefresh(RouteRefresh::request(family));
            let encoded = message.encode(&dialect, out);
            debug_assert_eq!(encoded, Ok(()));
        }
    }
}
