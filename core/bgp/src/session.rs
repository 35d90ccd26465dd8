use alloc::vec::Vec;
use core::time::Duration;

use crate::fsm::Connection;
use crate::import::Import;
use crate::notice::ConnectionId;
use crate::params::{Asn, BgpIdentifier, FamilySet};
use crate::peer_config::PeerConfig;
use crate::rib::{AdjRibIn, AdjRibOut, Export, LocRib, LocalEnd, Outcome};
use crate::wire::{Message, RouteRefresh, RouteRefreshKind};

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
            asks_for: FamilySet::NONE,
        })
    }

    /// Demarcations and unknown kinds are passed over (RFC 7313 section 4).
    pub(crate) fn handle_route_refresh(&mut self, refresh: RouteRefresh, rib: &LocRib) {
        if refresh.kind == RouteRefreshKind::Request {
            self.adj_rib_out.resend(refresh.family, rib);
        }
    }
    /// Applies a new import filter. What it newly lets pass was not stored: the peer is asked for it.
    pub(crate) fn handle_import(
        &mut self,
        before: &Import,
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) {
        self.adj_rib_in.handle_import(import, outcome);
        if !self.can_refresh || import.is_closed() {
            return;
        }
        let asked = match import.narrows(before) {
            // What was ignored before for want of room may have room now.
            true => self.adj_rib_in.overflowed(),
            false => self.adj_rib_out.export().dialect().families,
        };
        asked.iter().for_each(|family| self.asks_for.insert(family));
    }

    /// Appends the ROUTE-REFRESHes that wait: one per family at most, however often the filter changed.
    pub(crate) fn take_requests(&mut self, out: &mut Vec<u8>) {
        let dialect = *self.adj_rib_out.export().dialect();
        for family in core::mem::take(&mut self.asks_for).iter() {
            self.adj_rib_in.forget_overflow(family);
            let message = Message::RouteRefresh(RouteRefresh::request(family));
            let encoded = message.encode(&dialect, out);
            debug_assert_eq!(encoded, Ok(()));
        }
    }
}
