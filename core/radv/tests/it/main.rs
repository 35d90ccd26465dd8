//! Who is found on a link, and when something is said there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends at the first surprise"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv6Addr,
    time::Duration,
};

use radv::{
    ALL_NODES, ALL_ROUTERS, Arrival, Discarded, Interface, MOST_NEIGHBORS, Message, Speaker,
};

const ETH0: u32 = 2;
const OWN: Ipv6Addr = link_local(0xffff);

const fn link_local(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
}

struct Node {
    speaker: Speaker,
    now: Duration,
    /// When what went where.
    sent: Vec<(Duration, Ipv6Addr)>,
}

impl Node {
    fn new() -> Self {
        let mut node = Self {
            speaker: Speaker::new(7),
            now: Duration::from_secs(100),
            sent: Vec::new(),
        };
        node.link(true);
        node
    }

    fn link(&mut self, ready: bool) {
        let eth0 = Interface {
            mac: [2, 0, 0, 0, 0, 7],
            ready,
        };
        let own = BTreeSet::from([OWN]);
        let interfaces = BTreeMap::from([(ETH0, eth0)]);
        self.speaker.handle_interfaces(self.now, &interfaces, own);
        self.drain();
    }

    fn drain(&mut self) {
        self.speaker.handle_timeout(self.now);
        let mut buffer = Vec::new();
        while let Some(transmit) = self.speaker.poll_transmit(self.now, &mut buffer) {
            assert_eq!(transmit.interface, ETH0);
            self.sent.push((self.now, transmit.destination));
        }
    }

    /// Lets time pass, waking whenever the machine wants to.
    fn wait(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.speaker.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now);
            self.now = at;
            self.drain();
            let next = self.speaker.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "it turns idly");
        }
        self.now = until;
    }

    fn tell(&mut self, message: Message, source: Ipv6Addr) -> Result<(), Discarded> {
        let mut octets = Vec::new();
        message.encode([2, 0, 0, 0, 0, 9], &mut octets);
        let arrival = Arrival {
            interface: ETH0,
            source,
            hop_limit: 255,
        };
        let taken = self.speaker.handle_packet(self.now, &arrival, &octets);
        self.drain();
        taken
    }

    fn hear(&mut self, last: u16) {
        self.tell(Message::Advertisement, link_local(last)).unwrap();
    }

    fn known(&self) -> Vec<Ipv6Addr> {
        let neighbors = self.speaker.neighbors();
        neighbors
            .get(&ETH0)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    fn sent_to(&self, group: Ipv6Addr) -> Vec<Duration> {
        let to = |(at, destination): &(Duration, Ipv6Addr)| (*destination == group).then_some(*at);
        self.sent.iter().filter_map(to).collect()
    }
}

#[test]
fn advertises_at_once_and_then_every_ten_seconds_at_most() {
    let mut node = Node::new();
    assert_eq!(node.sent_to(ALL_NODES), [node.now]);
    node.wait(600);
    let times = node.sent_to(ALL_NODES);
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps[..2], [Duration::from_secs(3); 2]);
    let usual = Duration::from_millis(7_500)..=Duration::from_secs(10);
    assert!(gaps[2..].iter().all(|gap| usual.contains(gap)), "{gaps:?}");
    assert!(
        gaps[2..].windows(2).any(|pair| pair[0] != pair[1]),
        "no jitter"
    );
}

#[test]
fn asks_three_times_for_routers_unless_one_is_heard() {
    let mut node = Node::new();
    node.wait(600);
    assert_eq!(node.sent_to(ALL_ROUTERS).len(), 3);
    let mut node = Node::new();
    node.hear(1);
    node.wait(600);
    assert_eq!(node.sent_to(ALL_ROUTERS).len(), 1);
}

#[test]
fn answers_a_solicitation_soon_but_never_within_three_seconds() {
    let mut node = Node::new();
    node.wait(60);
    let before = node.sent_to(ALL_NODES).len();
    let asked = node.now;
    for _ in 0..100 {
        node.tell(Message::Solicitation, link_local(1)).unwrap();
        node.wait(1);
    }
    let times = node.sent_to(ALL_NODES);
    assert!(times[before] - asked <= Duration::from_millis(3_500));
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.min() >= Some(Duration::from_secs(3)));
}

#[test]
fn says_nothing_where_no_peer_is_or_the_link_is_down() {
    let mut node = Node::new();
    node.link(false);
    node.sent.clear();
    node.wait(60);
    assert!(node.sent.is_empty());
    node.speaker
        .handle_interfaces(node.now, &BTreeMap::new(), BTreeSet::new());
    let taken = node.tell(Message::Advertisement, link_local(1));
    assert_eq!(taken, Err(Discarded::Interface));
    assert_eq!(node.speaker.poll_timeout(), None);
}

#[test]
fn a_router_that_is_alone_is_known_however_rarely_it_speaks() {
    let mut node = Node::new();
    node.hear(1);
    node.wait(1800);
    assert_eq!(node.known(), [link_local(1)]);
    node.wait(3 * 1800);
    assert_eq!(node.known(), [] as [Ipv6Addr; 0]);
}

#[test]
fn two_routers_are_known_until_one_falls_silent() {
    let mut node = Node::new();
    node.hear(1);
    node.wait(20);
    node.hear(2);
    assert_eq!(node.known(), [link_local(1), link_local(2)]);
    assert_eq!(node.sent_to(ALL_ROUTERS).len(), 2, "both are asked");
    for _ in 0..9 {
        node.wait(10);
        node.hear(1);
        node.hear(2);
    }
    assert_eq!(node.known().len(), 2);
    for _ in 0..4 {
        node.wait(10);
        node.hear(2);
    }
    assert_eq!(node.known(), [link_local(2)]);
}

#[test]
fn a_router_that_was_exchanged_while_the_link_was_down_is_gone_at_once() {
    let mut node = Node::new();
    node.hear(1);
    node.link(false);
    assert_eq!(node.known(), [link_local(1)], "its session has timers");
    node.link(true);
    node.hear(2);
    assert_eq!(node.known(), [link_local(2)]);
}

#[test]
fn a_link_that_flaps_makes_nobody_speak_faster() {
    let mut node = Node::new();
    for _ in 0..50 {
        node.link(false);
        node.wait(1);
        node.link(true);
    }
    for group in [ALL_NODES, ALL_ROUTERS] {
        let times = node.sent_to(group);
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.min() >= Some(Duration::from_secs(3)), "{group}");
    }
}

#[test]
fn forgets_the_neighbours_of_an_interface_that_is_gone() {
    let mut node = Node::new();
    node.hear(1);
    node.speaker
        .handle_interfaces(node.now, &BTreeMap::new(), BTreeSet::new());
    node.link(true);
    assert!(node.known().is_empty());
}

#[test]
fn does_not_take_itself_for_a_neighbour() {
    let mut node = Node::new();
    let taken = node.tell(Message::Advertisement, OWN);
    assert_eq!(taken, Err(Discarded::Own));
    assert!(node.known().is_empty());
    assert_eq!(node.speaker.counters().discarded["Own"], 1);
}

#[test]
fn a_crowd_of_routers_takes_no_more_than_its_place() {
    let mut node = Node::new();
    let most = u16::try_from(MOST_NEIGHBORS).unwrap();
    (0..most).for_each(|number| node.hear(number));
    let one_more = node.tell(Message::Advertisement, link_local(most));
    assert_eq!(one_more, Err(Discarded::TooMany));
    assert_eq!(node.known().len(), MOST_NEIGHBORS);
}
