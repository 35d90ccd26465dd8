use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use bfd::{Diagnostic, Hops, Packet, PeerConfig, Profile, State};

use crate::script::Script;

/// Where peers may be.
pub(super) const ADDRESSES: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2)),
];

/// Whom a packet is said to be for.
#[derive(Debug)]
pub(super) enum Target {
    /// The session of this name.
    Session(u8),
    /// Nobody that is known.
    Nobody,
    /// A discriminator that nobody has, most likely.
    Stranger(u32),
}

/// How a packet comes.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) remote: IpAddr,
    pub(super) interface: u32,
    pub(super) ttl: u8,
    pub(super) multihop: bool,
}

/// One thing that happens.
#[derive(Debug)]
pub(super) enum Action<'a> {
    Wait(Duration),
    Sleep(Duration),
    Packet(Way, Target, Packet),
    Datagram(Way, &'a [u8]),
    Peers(Vec<PeerConfig>),
    Leave,
}

impl<'a> Action<'a> {
    pub(super) fn next(script: &mut Script<'a>) -> Self {
        match script.below(16) {
            0..=2 => Self::Wait(Duration::from_millis(script.u8().into())),
            3 => Self::Wait(Duration::from_millis(100) * u32::from(script.u8())),
            4 => Self::Sleep(Duration::from_millis(100) * u32::from(script.u8())),
            5..=10 => Self::Packet(way(script), target(script), packet(script)),
            11 => Self::Datagram(way(script), script.octets()),
            12..=14 => Self::Peers((0..script.below(4)).map(|_| peer(script)).collect()),
            _ => Self::Leave,
        }
    }
}

fn way(script: &mut Script<'_>) -> Way {
    let [multihop, other_interface, far, very_far, ..] = script.bits();
    Way {
        remote: ADDRESSES[usize::from(script.below(3))],
        interface: if other_interface { 3 } else { 2 },
        ttl: match (far, very_far) {
            (_, true) => 1,
            (true, false) => 254,
            (false, false) => 255,
        },
        multihop,
    }
}

fn target(script: &mut Script<'_>) -> Target {
    match script.below(8) {
        session @ 0..=3 => Target::Session(session),
        4 | 5 => Target::Nobody,
        _ => Target::Stranger(script.u8().into()),
    }
}

fn packet(script: &mut Script<'_>) -> Packet {
    let [poll, is_final, control_plane_independent, demand, ..] = script.bits();
    Packet {
        diagnostic: Diagnostic::from(script.u8()),
        state: State::ALL[usize::from(script.below(4))],
        poll,
        is_final,
        control_plane_independent,
        demand,
        detect_multiplier: script.u8().max(1),
        my_discriminator: u32::from(script.u8()) + 1,
        your_discriminator: 0,
        desired_min_tx: interval(script),
        required_min_rx: interval(script),
        required_min_echo_rx: interval(script),
    }
}

fn peer(script: &mut Script<'_>) -> PeerConfig {
    let [multihop, on_interface, named, passive, ..] = script.bits();
    PeerConfig {
        name: name(script.below(4)).into(),
        remote: ADDRESSES[usize::from(script.below(3))],
        local: named.then_some(ADDRESSES[0]),
        interface: on_interface.then_some(2),
        hops: if multihop {
            Hops::Multi { minimum_ttl: 254 }
        } else {
            Hops::Single
        },
        profile: Profile {
            transmit_interval: interval(script),
            receive_interval: interval(script),
            detect_multiplier: script.u8(),
            passive,
        },
    }
}

/// The name of a peer.
pub(super) const fn name(number: u8) -> &'static str {
    match number {
        0 => "a",
        1 => "b",
        2 => "c",
        _ => "d",
    }
}

/// The shortest, the longest, and such as one has.
fn interval(script: &mut Script<'_>) -> Duration {
    match script.u8() {
        0 => Duration::ZERO,
        1 => Duration::from_micros(1),
        254 => Duration::from_micros(u32::MAX.into()),
        255 => Duration::MAX,
        tens => Duration::from_millis(10) * u32::from(tens),
    }
}
