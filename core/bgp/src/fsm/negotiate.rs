use alloc::vec::Vec;
use core::time::Duration;

use crate::graceful_restart::{RestartAgreement, Restarting, terms_of};
use crate::params::{Asn, BgpIdentifier, Family, FamilySet, HoldTime};
use crate::peer_config::PeerConfig;
use crate::remote_asn::RemoteAsn;
use crate::wire::capability::{Capability, ExtendedNextHop};
use crate::wire::{AsnWidth, Dialect, ErrorCode, Notification, Open, OpenSubcode, PeerType};

/// How long a peer may take nothing, unless twice the hold time is longer (RFC 9687 section 3.1).
const SEND_HOLD: Duration = Duration::from_secs(8 * 60);

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// How messages are written and read.
    pub(crate) dialect: Dialect,
    /// The smaller of both hold times.
    pub(crate) hold_time: HoldTime,
    /// Time between our KEEPALIVEs, before jitter; none with hold time 0.
    pub(crate) keepalive: Option<Duration>,
    /// The peer's AS.
    pub(crate) remote_asn: Asn,
    /// How long nothing may be taken from us (RFC 9687); none with hold time 0.
    pub(crate) send_hold: Option<Duration>,
    /// The peer's identifier.
    pub(crate) remote_identifier: BgpIdentifier,
    /// Whether the peer sends its routes again when asked (RFC 2918).
    pub(crate) route_refresh: bool,
    /// None when one side does not want it.
    pub(crate) restart: Option<RestartAgreement>,
    /// Whether the peer marks the end of all it has (RFC 4724 section 2).
    pub(crate) promises_end_of_rib: bool,
    /// The peer has restarted, and nobody shall wait for its End-of-RIB (RFC 4724 section 4.1).
    pub(crate) restarting: bool,
}

/// Why an OPEN that could be read is refused (RFC 4271 section 6.2). The peer's fault, or that of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// Not the AS that was configured.
    #[error("the peer says it is AS {found}, configured is {expected}")]
    BadPeerAs {
        /// In the configuration.
        expected: RemoteAsn,
        /// In the OPEN.
        found: Asn,
    },
    /// Our own identifier from a peer of our own AS (RFC 6286 section 2.2).
    #[error("the peer has our own BGP identifier {0}")]
    BadIdentifier(BgpIdentifier),
    /// No common family.
    #[error("the peer speaks none of the families that are configured")]
    NoCommonFamily,
}

impl OpenError {
    /// The NOTIFICATION that refuses the OPEN. `offered` are our families.
    pub(crate) fn to_notification(&self, offered: FamilySet) -> Notification {
        match self {
            Self::BadPeerAs { .. } => {
                Notification::new(ErrorCode::Open(OpenSubcode::BadPeerAs), Vec::new())
            }
            Self::BadIdentifier(_) => {
                Notification::new(ErrorCode::Open(OpenSubcode::BadBgpIdentifier), Vec::new())
            }
            // The data lists the capabilities that we miss (RFC 5492 section 5): code 1, length 4, family.
            Self::NoCommonFamily => {
                let missing = offered.iter().flat_map(|family| {
                    let [high, low] = family.afi.0.to_be_bytes();
                    [1, 4, high, low, 0, family.safi.0]
                });
                Notification::new(
                    ErrorCode::Open(OpenSubcode::UnsupportedCapability),
                    missing.collect(),
                )
            }
        }
    }
}

/// The OPEN that we send to the peer.
pub(crate) fn open_message(config: &PeerConfig, restarting: Restarting) -> Open {
    let families = config.family_set();
    let mut capabilities: Vec<_> = families.iter().map(Capability::Multiprotocol).collect();
    capabilities.push(Capability::RouteRefresh);
    capabilities.push(Capability::ExtendedMessage);
    if families.contains(Family::IPV4_UNICAST) {
        capabilities.push(Capability::ExtendedNextHop(
            ExtendedNextHop::ipv4_over_ipv6(),
        ));
    }
    if let Some(restart) = &config.graceful_restart {
        let terms = restart.terms(families, restarting);
        capabilities.push(Capability::GracefulRestart(terms));
        // FRR 8.4.4 takes no request before its End-of-RIB, which it sends to nobody else.
        capabilities.push(Capability::EnhancedRouteRefresh);
    }
    Open::new(
        config.local_asn,
        config.hold_time,
        config.identifier,
        capabilities,
    )
}

/// Compares the peer's OPEN with the configuration.
pub(crate) fn negotiate(config: &PeerConfig, open: &Open) -> Result<Negotiated, OpenError> {
    let peer_type = config.peer_type();
    if !config.remote_asn.accepts(config.local_asn, open.asn()) {
        return Err(OpenError::BadPeerAs {
            expected: config.remote_asn,
            found: open.asn(),
        });
    }
    if peer_type == PeerType::Internal && open.identifier == config.identifier {
        return Err(OpenError::BadIdentifier(open.identifier));
    }
    let families = families_of(open) & config.family_set();
    if families.is_empty() {
        return Err(OpenError::NoCommonFamily);
    }
    let terms = terms_of(open);
    let hold_time = config.hold_time.min(open.hold_time);
    let send_hold = |hold| config.send_hold.unwrap_or_else(|| SEND_HOLD.max(2 * hold));
    let third = hold_time.duration().map(|hold| hold / 3);
    Ok(Negotiated {
        dialect: Dialect {
            peer_type,
            asn_width: asn_width(open),
            families,
            extended_next_hop: families.contains(Family::IPV4_UNICAST)
                && allows_ipv4_over_ipv6(open),
            enhanced_route_refresh: config.graceful_restart.is_some()
                && open
                    .capabilities
                    .contains(&Capability::EnhancedRouteRefresh),
            max_message_length: max_message_length(open),
        },
        hold_time,
        keepalive: third.map(|third| config.keepalive.map_or(third, |fixed| fixed.min(third))),
        remote_asn: open.asn(),
        send_hold: hold_time.duration().map(send_hold),
        remote_identifier: open.identifier,
        route_refresh: open.capabilities.contains(&Capability::RouteRefresh),
        restart: config
            .graceful_restart
            .as_ref()
            .and_then(|ours| Some(ours.agree(terms?, families))),
        promises_end_of_rib: terms.is_some(),
        restarting: terms.is_some_and(|terms| terms.restarting),
    })
}

/// A peer that says nothing about families speaks IPv4 unicast (RFC 4760 section 8).
fn families_of(open: &Open) -> FamilySet {
    let mut families = open
        .capabilities
        .iter()
        .filter_map(|capability| match capability {
            Capability::Multiprotocol(family) => Some(*family),
            Capability::RouteRefresh
            | Capability::ExtendedMessage
            | Capability::ExtendedNextHop(_)
            | Capability::GracefulRestart(_)
            | Capability::FourOctetAsn(_)
            | Capability::EnhancedRouteRefresh
            | Capability::Unknown(_) => None,
        });
    match families.next() {
        Some(first) => core::iter::once(first).chain(families).collect(),
        None => FamilySet::IPV4,
    }
}

fn asn_width(open: &Open) -> AsnWidth {
    let four = open
        .capabilities
        .iter()
        .any(|each| matches!(each, Capability::FourOctetAsn(_)));
    if four { AsnWidth::Four } else { AsnWidth::Two }
}

/// We always say that we can: what the peer says decides (RFC 8654 section 4).
fn max_message_length(open: &Open) -> u16 {
    match open.capabilities.contains(&Capability::ExtendedMessage) {
        true => Dialect::EXTENDED_LENGTH,
        false => Dialect::STANDARD_LENGTH,
    }
}

fn allows_ipv4_over_ipv6(open: &Open) -> bool {
    open.capabilities.iter().any(|capability| match capability {
        Capability::ExtendedNextHop(rules) => rules.allows_ipv4_over_ipv6(),
        Capability::Multiprotocol(_)
        | Capability::RouteRefresh
        | Capability::ExtendedMessage
        | Capability::GracefulRestart(_)
        | Capability::FourOctetAsn(_)
        | Capability::EnhancedRouteRefresh
        | Capability::Unknown(_) => false,
    })
}
