use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::IpNet;
use l2::{
    Config, Interface, InterfaceFilter, Interfaces, Key, KeyRing, Nominee, Notice, Path, Speaker,
    Standing, Transmit, arp,
    heartbeat::{Heartbeat, LONGEST},
    ndp,
};

use super::action::{ADDRESSES, Action, BOOT, PEERS, mac};

/// More than the speaker can have to send at a time: heartbeats for two segments and three nodes in up to 16 pages, and
/// frames for four addresses.
const MOST_SENT: usize = 500;

/// So old may the last heartbeat be while somebody is answered, with few nodes.
const PATIENCE: Duration = Duration::from_millis(300);

/// A speaker, and what its driver knows of it.
pub(super) struct World {
    now: Duration,
    speaker: Speaker,
    nominated: BTreeSet<IpAddr>,
    owned: BTreeSet<IpAddr>,
    sequence: u64,
    leaves: bool,
    /// When a heartbeat last left by an interface.
    left: BTreeMap<u32, Duration>,
    shown: Shown,
}

/// What a driver has to tell soon when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    version: u64,
    nominated: BTreeSet<IpAddr>,
    owned: BTreeSet<IpAddr>,
    has_key: bool,
    alive: usize,
    unauthentic: usize,
}

impl World {
    /// With two interfaces, a key and two other nodes, and nothing nominated.
    pub(super) fn new() -> Self {
        // Time does not begin at zero for a process.
        let now = Duration::from_secs(1000);
        let config = Config {
            node: "a".into(),
            boot: BOOT,
        };
        let mut world = Self {
            now,
            speaker: Speaker::new(now, config),
            shown: Shown::default(),
            nominated: BTreeSet::new(),
            owned: BTreeSet::new(),
            sequence: 0,
            leaves: true,
            left: BTreeMap::new(),
        };
        world.apply(Action::Keys([true, false, false]));
        world.apply(Action::Nodes([true, true, false]));
        world.apply(Action::Interfaces {
            there: [true; 2],
            mac: 0,
            ipv6: true,
        });
        world
    }

    /// One wake-up of the driver.
    pub(super) fn apply(&mut self, action: Action<'_>) {
        if let Action::Wait(time) = action {
            self.now += time;
        }
        self.run_due();
        let (now, speaker) = (self.now, &mut self.speaker);
        match action {
            Action::Wait(_) => {}
            Action::Sent(leaves) => self.leaves = leaves,
            Action::Frame(interface, frame) => self.receive(interface, &frame),
            Action::Message(path, number, mut message) => {
                assert!(ring(&[key(number)]).seal(now, &mut message));
                speaker.handle_datagram(now, path, source(path), &message);
            }
            Action::Datagram(path, datagram) => {
                speaker.handle_datagram(now, path, source(path), datagram);
            }
            Action::Nominate {
                address,
                weight,
                pattern,
                stability_time,
            } => {
                let nominee = Nominee {
                    interfaces: InterfaceFilter::new(pattern.map(Into::into)),
                    weight,
                    stability_time,
                    gratuitous_interval: Some(Duration::from_secs(30)),
                };
                speaker.handle_nominee(now, address, Some(nominee));
                self.nominated.insert(address);
            }
            Action::Withdraw(address) => {
                speaker.handle_nominee(now, address, None);
                self.nominated.remove(&address);
            }
            Action::Interfaces { there, mac, ipv6 } => {
                speaker.handle_interfaces(now, interfaces(there, mac, ipv6));
            }
            Action::Keys(there) => {
                speaker.handle_keys(now, chosen([0, 1, 2], there).map(key).collect())
            }
            Action::Nodes(there) => speaker.handle_nodes(now, nodes(there)),
            Action::Leave => speaker.handle_leave(now),
        }
        self.run_due();
        self.send();
        self.take_notices();
        self.look();
    }

    fn run_due(&mut self) {
        self.speaker.handle_timeout(self.now);
        for _ in 0..100 {
            if self.speaker.poll_timeout().is_none_or(|at| at > self.now) {
                return;
            }
            self.speaker.handle_timeout(self.now);
        }
        panic!("it never comes to rest");
    }

    /// An answer is about an address that is owned here, and was wanted here until a moment ago; the others have heard of
    /// us on this interface lately.
    fn receive(&mut self, interface: u32, frame: &[u8]) {
        let mut reply = Vec::new();
        if !self
            .speaker
            .handle_frame(self.now, interface, frame, &mut reply)
        {
            return;
        }
        let address = address_of(&reply);
        assert!(self.owned.contains(&address));
        assert!(self.now < self.left[&interface] + PATIENCE);
        if self.nominated.contains(&address) {
            assert!(self.speaker.addresses(interface).any(|of| of == address));
        }
    }

    fn send(&mut self) {
        let mut buffer = Vec::new();
        for _ in 0..MOST_SENT {
            let Some(transmit) = self.speaker.poll_transmit(self.now, &mut buffer) else {
                return;
            };
            if let Transmit::Frame { .. } = transmit {
                assert!(ADDRESSES.contains(&address_of(&buffer)));
                continue;
            }
            assert!(buffer.len() <= LONGEST);
            let message = ring(&[0, 1, 2].map(key))
                .open(self.now, &buffer)
                .unwrap()
                .to_vec();
            let heartbeat = Heartbeat::decode(&message).unwrap();
            assert!(heartbeat.sequence > self.sequence);
            self.sequence = heartbeat.sequence;
            if let Transmit::Multicast { interface, .. } = transmit
                && self.leaves
            {
                self.left.insert(interface, self.now);
            }
            self.speaker.handle_sent(self.now, transmit, self.leaves);
        }
        panic!("it sends without end");
    }

    /// What is told of owning is in order.
    fn take_notices(&mut self) {
        while let Some(notice) = self.speaker.poll_notice() {
            match notice {
                Notice::Owned { address, .. } => assert!(self.owned.insert(address), "owned twice"),
                Notice::Lost { address, .. } => assert!(self.owned.remove(&address), "lost twice"),
                Notice::Conflict(_) | Notice::Stopped => {}
            }
        }
    }

    /// What is shown is what was told, and who owns what does not change behind the version's back.
    fn look(&mut self) {
        let view = self.speaker.view();
        assert!(view.addresses.keys().eq(&self.nominated));
        for (address, held) in &view.addresses {
            let owner = held.standing == Standing::Owner;
            assert_eq!(owner, self.owned.contains(address), "{address}: {held:?}");
        }
        let shown = Shown {
            version: self.speaker.version(),
            nominated: self.nominated.clone(),
            owned: self.owned.clone(),
            has_key: view.has_key,
            alive: view.peers.values().filter(|peer| peer.alive).count(),
            unauthentic: view.unauthentic.len(),
        };
        assert!(shown.version >= self.shown.version);
        if shown.version == self.shown.version {
            assert_eq!(shown, self.shown);
        }
        self.shown = shown;
    }
}

fn key(number: u8) -> Key {
    Key::new([number; 32])
}

fn ring(keys: &[Key]) -> KeyRing {
    let mut ring = KeyRing::default();
    ring.handle_keys(Duration::ZERO, keys.to_vec());
    ring
}

fn chosen<T>(items: [T; 3], there: [bool; 3]) -> impl Iterator<Item = T> {
    let both = items.into_iter().zip(there);
    both.filter_map(|(item, there)| there.then_some(item))
}

fn nodes(there: [bool; 3]) -> BTreeMap<l2::NodeName, Vec<IpAddr>> {
    let address = |name: &str| IpAddr::V4(Ipv4Addr::new(10, 0, 0, name.as_bytes()[0]));
    let names = chosen(PEERS, there).chain(["a"]);
    names
        .map(|name| (name.into(), vec![address(name)]))
        .collect()
}

fn source(path: Path) -> IpAddr {
    match path {
        Path::Segment(2) => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5).into(),
        Path::Segment(_) | Path::Routed => Ipv4Addr::new(10, 0, 0, 98).into(),
    }
}

fn interfaces(there: [bool; 2], number: u8, ipv6: bool) -> Interfaces {
    let subnets: [&[&str]; 2] = [&["10.0.0.1/24", "2001:db8::1/64"], &["10.1.0.1/24"]];
    let mut interfaces = Interfaces::new();
    for (index, name) in [(1, "eth0"), (2, "eth1")] {
        let at = index as usize - 1;
        if !there[at] {
            continue;
        }
        let addresses = subnets[at]
            .iter()
            .map(|subnet| subnet.parse::<IpNet>().unwrap());
        let interface = Interface {
            name: name.into(),
            mac: mac(number),
            link_local: ipv6.then_some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
            addresses: addresses.collect(),
            uplink: true,
            router: false,
        };
        interfaces.insert(index, interface);
    }
    interfaces
}

/// What a frame of the speaker is about. Each can be read.
fn address_of(frame: &[u8]) -> IpAddr {
    if let Ok(packet) = arp::Packet::decode(frame) {
        let probe = packet.sender.is_unspecified();
        return if probe { packet.target } else { packet.sender }.into();
    }
    ndp::Packet::decode(frame).unwrap().message.target().into()
}
