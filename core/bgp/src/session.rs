use core::time::Duration;

use crate::fsm::Connection;
use crate::notice::ConnectionId;
use crate::params::BgpIdentifier;
use crate::peer_config::PeerConfig;
use crate::rib::{AdjRibIn, AdjRibOut, Export, LocRib};
use crate::wire::{RouteRefresh, RouteRefreshKind};

/// A peer's life while Established.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    pub(crate) since: Duration,
    pub(crate) remote_identifier: BgpIdentifier,
    pub(crate) adj_rib_in: AdjRibIn,
    pub(crate) adj_rib_out: AdjRibOut,
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
        let export = Export::new(config, negotiated, connection.addresses.as_ref()?);
        Some(Self {
            connection: connection.id,
            since: now,
            remote_identifier: negotiated.remote_identifier,
            adj_rib_in: AdjRibIn,
            adj_rib_out: AdjRibOut::new(config.name.clone(), export, rib),
        })
    }

    /// Demarcations and unknown kinds are passed over (RFC 7313 section 4).
    pub(crate) fn handle_route_refresh(&mut self, refresh: RouteRefresh, rib: &LocRib) {
        if refresh.kind == RouteRefreshKind::Request {
            self.adj_rib_out.resend(refresh.family, rib);
        }
    }
}
