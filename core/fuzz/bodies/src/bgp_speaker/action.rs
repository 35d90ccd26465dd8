use std::time::Duration;

use bgp::wire::attr::{AsPath, Origin, PathAttribute};
use bgp::wire::capability::{Capability, ExtendedNextHop};
use bgp::wire::{
    ErrorCode, Message, Notification, Open, RawUpdate, RouteRefresh, RouteRefreshKind,
};
use bgp::{Asn, BgpIdentifier, Family, HoldTime, Prefix};

use crate::script::Script;

/// One thing that happens. Connections are counted among those that are open, peers from the first; not all of them exist.
#[derive(Debug)]
pub(super) enum Action<'a> {
    Wait(Duration),
    /// Which of three peers there are, and which of them changed.
    Peers([bool; 8]),
    /// A prefix, and its MED; none withdraws it.
    Route(u8, Option<u32>),
    Complete,
    Connected(u8),
    Failed(u8),
    Accepted(u8),
    Closed(u8),
    Say(u8, Message),
    Octets(u8, &'a [u8]),
    /// The socket takes what is there, or is full.
    Transmit(u8, bool),
    BfdDown(u8),
    Shutdown(bool),
}

impl<'a> Action<'a> {
    pub(super) fn next(script: &mut Script<'a>) -> Self {
        let kind = script.below(20);
        let connection = script.below(5);
        match kind {
            0 => Self::Wait(Duration::from_millis(script.u8().into())),
            1 => Self::Wait(Duration::from_secs(script.u8().into())),
            2 => Self::Peers(script.bits()),
            3 => {
                let med = script.u8();
                let prefix = script.u8();
                Self::Route(prefix, (med > 0).then_some(med.into()))
            }
            4 => Self::Complete,
            5 | 6 => Self::Connected(connection),
            7 => Self::Failed(connection),
            8 => Self::Accepted(script.below(4)),
            9 => Self::Closed(connection),
            10..=15 => Self::Say(connection, message(script)),
            16 => Self::Octets(connection, script.octets()),
            17 => Self::Transmit(connection, script.bits()[0]),
            18 => Self::BfdDown(script.below(4)),
            _ => Self::Shutdown(script.bits()[0]),
        }
    }

    /// On which connection.
    pub(super) const fn connection(&self) -> Option<u8> {
        match self {
            Self::Connected(connection)
            | Self::Failed(connection)
            | Self::Closed(connection)
            | Self::Say(connection, _)
            | Self::Octets(connection, _)
            | Self::Transmit(connection, _) => Some(*connection),
            Self::Wait(_)
            | Self::Peers(_)
            | Self::Route(..)
            | Self::Complete
            | Self::Accepted(_)
            | Self::BfdDown(_)
            | Self::Shutdown(_) => None,
        }
    }
}

/// Something that a peer could say; each message can be sent before the OPENs were compared.
fn message(script: &mut Script<'_>) -> Message {
    match script.below(8) {
        0 | 1 => Message::Open(open(script)),
        2 | 3 => Message::Keepalive,
        4 | 5 => Message::Update(update(script)),
        6 => {
            let kind = match script.below(4) {
                0 => RouteRefreshKind::Request,
                1 => RouteRefreshKind::Begin,
                2 => RouteRefreshKind::End,
                _ => RouteRefreshKind::Unknown(77),
            };
            let family = family(script.bits()[0]);
            Message::RouteRefresh(RouteRefresh { family, kind })
        }
        _ => {
            let error = ErrorCode::from_codes(script.u8(), script.u8());
            Message::Notification(Notification::new(error, script.octets().to_vec()))
        }
    }
}

fn open(script: &mut Script<'_>) -> Open {
    let [
        internal,
        wide,
        ipv4,
        ipv6,
        next_hop,
        extended,
        refresh,
        enhanced,
    ] = script.bits();
    let mut capabilities = Vec::new();
    let offered = [
        (ipv4, Capability::Multiprotocol(Family::IPV4_UNICAST)),
        (ipv6, Capability::Multiprotocol(Family::IPV6_UNICAST)),
        (
            next_hop,
            Capability::ExtendedNextHop(ExtendedNextHop::ipv4_over_ipv6()),
        ),
        (extended, Capability::ExtendedMessage),
        (refresh, Capability::RouteRefresh),
        (enhanced, Capability::EnhancedRouteRefresh),
    ];
    capabilities.extend(offered.into_iter().filter(|each| each.0).map(|each| each.1));
    let asn = Asn(if internal { 64512 } else { 64513 });
    let hold_time = HoldTime::new([0, 3, 9, 90][usize::from(script.below(4))]).unwrap();
    let identifier = BgpIdentifier::new(u32::from(script.below(4)) + 1).unwrap();
    let mut open = Open::new(asn, hold_time, identifier, capabilities);
    if !wide {
        open.capabilities
            .retain(|each| !matches!(each, Capability::FourOctetAsn(_)));
    }
    open
}

fn update(script: &mut Script<'_>) -> RawUpdate {
    let [announces, withdraws, ends, no_origin, own_asn, ..] = script.bits();
    let number = script.below(8);
    let prefixes = vec![Prefix::new([10, number, 0, 0].into(), 16).unwrap()];
    if ends || !(announces || withdraws) {
        return RawUpdate::default();
    }
    let withdrawn = if withdraws { prefixes.clone() } else { vec![] };
    if !announces {
        return RawUpdate {
            withdrawn,
            ..RawUpdate::default()
        };
    }
    let path = AsPath::sequence(&[Asn(if own_asn { 64512 } else { 64513 })]);
    let mut attributes = vec![
        PathAttribute::AsPath(path),
        PathAttribute::NextHop([192, 0, 2, number + 10].into()),
    ];
    if !no_origin {
        attributes.push(PathAttribute::Origin(Origin::Igp));
    }
    RawUpdate {
        withdrawn,
        attributes,
        announced: prefixes,
        ..RawUpdate::default()
    }
}

fn family(ipv4: bool) -> Family {
    match ipv4 {
        true => Family::IPV4_UNICAST,
        false => Family::IPV6_UNICAST,
    }
}
