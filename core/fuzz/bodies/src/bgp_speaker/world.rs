use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp::wire::{AsnWidth, Dialect, Message, PeerType};
use bgp::{
    Asn, BfdFate, BgpIdentifier, ConnectionId, FamilySet, Farewell, HoldTime, Import,
    LocalAddresses, NextHops, Notice, PeerConfig, PeerName, PeerSet, Prefix, Route,
    RouteAttributes, Speaker, State,
};

use super::action::Action;

/// What a peer may make the speaker hold of one family.
const MAX_PREFIXES: u32 = 3;

/// A speaker, and what it has told.
pub(super) struct World {
    now: Duration,
    speaker: Speaker,
    /// Dialled or accepted, and not over.
    open: BTreeSet<ConnectionId>,
    closed: BTreeSet<ConnectionId>,
    up: BTreeSet<PeerName>,
    learned: BTreeMap<Prefix, NextHops>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            now: Duration::from_secs(1),
            speaker: Speaker::new(1),
            open: BTreeSet::new(),
            closed: BTreeSet::new(),
            up: BTreeSet::new(),
            learned: BTreeMap::new(),
        };
        world.apply(Action::Peers([
            true, false, true, false, true, false, false, false,
        ]));
        world
    }

    pub(super) fn apply(&mut self, action: Action<'_>) {
        let connection = self.connection(&action);
        let (now, speaker) = (self.now, &mut self.speaker);
        match action {
            Action::Wait(duration) => self.wait(duration),
            Action::Peers([first, a, second, b, third, c, ..]) => {
                let peers = [(first, a), (second, b), (third, c)];
                let there = (0..).zip(peers).filter(|(_, (there, _))| *there);
                speaker.handle_peers(now, there.map(|(number, (_, new))| peer(number, new)));
            }
            Action::Route(number, med) => {
                let prefix = Prefix::host([198, 51, 100, number].into());
                speaker.handle_routes(now, [(prefix, med.map(route).into_iter().collect())]);
            }
            Action::Complete => speaker.handle_routes_complete(now),
            Action::Connected(_) => speaker.handle_connected(now, connection, local()),
            Action::Failed(_) => {
                self.open.remove(&connection);
                speaker.handle_connect_failed(now, connection, "refused".into());
            }
            Action::Accepted(number) => {
                let accepted = speaker.handle_accepted(now, address(number), local());
                self.open.extend(accepted);
            }
            Action::Closed(_) => {
                self.open.remove(&connection);
                speaker.handle_closed(now, connection, "closed".into());
            }
            Action::Say(_, message) => {
                let octets = encoded(&message);
                speaker.handle_bytes(now, connection, &octets);
            }
            Action::Octets(_, octets) => speaker.handle_bytes(now, connection, octets),
            Action::Transmit(_, taken) => self.transmit(connection, taken),
            Action::BfdDown(number) => {
                let fate = match number % 2 {
                    0 => BfdFate::Shared,
                    _ => BfdFate::Independent,
                };
                speaker.handle_bfd_down(now, &name(number), fate);
            }
            Action::Shutdown(restart) => {
                let farewell = match restart {
                    true => Farewell::Restart,
                    false => Farewell::Leave {
                        message: "bye".into(),
                    },
                };
                speaker.handle_shutdown(now, farewell);
            }
        }
        self.take_notices();
    }

    /// What was told is what can be seen.
    pub(super) fn settle(mut self) {
        while let Some((prefix, next_hops)) = self.speaker.poll_learned() {
            match next_hops.is_empty() {
                true => self.learned.remove(&prefix),
                false => self.learned.insert(prefix, next_hops),
            };
        }
        assert_eq!(self.learned, self.speaker.learned().collect());
        let views: Vec<_> = self.speaker.sessions().collect();
        let most = u64::from(MAX_PREFIXES) * 2;
        assert!(views.iter().all(|view| view.received <= most));
        let established = views.into_iter();
        let established: BTreeSet<_> = established
            .filter(|view| view.state == State::Established)
            .map(|view| view.peer)
            .collect();
        assert_eq!(established, self.up);
    }

    /// The one that the action means, of those that are open; one that never was when there are not so many.
    fn connection(&self, action: &Action<'_>) -> ConnectionId {
        let index = action.connection().unwrap_or_default();
        let open = self.open.iter().nth(usize::from(index));
        open.copied().unwrap_or(ConnectionId(u64::MAX))
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        self.speaker.handle_timeout(self.now);
        let next = self.speaker.poll_timeout();
        assert!(
            next.is_none_or(|at| at > self.now),
            "a timer that never stops"
        );
    }

    fn transmit(&mut self, id: ConnectionId, taken: bool) {
        let mut out = Vec::new();
        let any = self.speaker.poll_transmit(id, &mut out);
        assert_eq!(any, !out.is_empty());
        assert!(!any || !self.closed.contains(&id), "closed ones are silent");
        whole_messages(&out);
        if taken {
            self.speaker.handle_written(self.now, id);
        }
    }

    fn take_notices(&mut self) {
        while let Some(notice) = self.speaker.poll_notice() {
            match notice {
                Notice::Close { connection, last } => {
                    self.open.remove(&connection);
                    assert!(self.closed.insert(connection), "closed twice");
                    whole_messages(&last);
                }
                Notice::SessionUp { peer, .. } => assert!(self.up.insert(peer), "up twice"),
                Notice::SessionDown { peer, .. } => assert!(self.up.remove(&peer), "down twice"),
                Notice::Dial(dial) => {
                    self.open.insert(dial.connection);
                }
                Notice::StateChanged { .. }
                | Notice::AttemptFailed { .. }
                | Notice::EndOfRib { .. }
                | Notice::NoNextHop { .. } => {}
            }
        }
    }
}

/// Every length leads to the next marker.
fn whole_messages(mut octets: &[u8]) {
    while let Some((header, _)) = octets.split_at_checked(19) {
        assert_eq!(header[..16], [0xff; 16]);
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        assert!((1..=5).contains(&header[18]) && length >= 19);
        octets = &octets[length..];
    }
    assert!(octets.is_empty());
}

fn encoded(message: &Message) -> Vec<u8> {
    let dialect = Dialect {
        asn_width: AsnWidth::Four,
        families: FamilySet::BOTH,
        ..Dialect::initial(PeerType::External)
    };
    let mut octets = Vec::new();
    message.encode(&dialect, &mut octets).unwrap();
    octets
}

fn name(number: u8) -> Arc<str> {
    format!("peer-{number}").into()
}

fn address(number: u8) -> IpAddr {
    [192, 0, 2, 100 + number].into()
}

/// The first is of another AS, the second of ours, the third waits to be called.
fn peer(number: u8, changed: bool) -> PeerConfig {
    let theirs = if number == 1 { Asn(64512) } else { Asn(64513) };
    PeerConfig {
        hold_time: HoldTime::new(9).unwrap(),
        passive: number == 2,
        password_generation: u64::from(changed),
        import: Import::within(Prefix::new([10, 0, 0, 0].into(), 8), MAX_PREFIXES),
        ..PeerConfig::new(
            name(number),
            address(number),
            [Asn(64512), theirs],
            BgpIdentifier::new(1).unwrap(),
        )
    }
}

fn local() -> LocalAddresses {
    LocalAddresses {
        local: [192, 0, 2, 1].into(),
        ipv4: None,
        ipv6: Some("2001:db8::1".parse().unwrap()),
        on_link: true,
    }
}

fn route(med: u32) -> Route {
    Route {
        peers: PeerSet::All,
        attributes: Arc::new(RouteAttributes {
            multi_exit_disc: Some(med),
            ..RouteAttributes::default()
        }),
    }
}
