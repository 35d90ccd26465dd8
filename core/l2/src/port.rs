use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::IpAddr, time::Duration};

use crate::{Interface, InterfaceFilter};

/// So long a process hears the others out before it has a say on an interface.
const LISTEN: Duration = Duration::from_millis(500);
/// So long heartbeats go on when no address or no interface is left, and say so.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(350);
/// A segment on which IPv6 heartbeats came is sent them for so long.
const IPV6_MEMORY: Duration = Duration::from_secs(10);

/// One interface of ours, and how we do on it.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) interface: Interface,
    /// Interface and process have been well since then.
    pub(crate) well_since: Duration,
    /// How many of our addresses are to be answered on it.
    pub(crate) concerns: usize,
    /// Heartbeats go out and are heard; a say comes with this moment.
    pub(crate) listens_until: Option<Duration>,
    /// No address is left: when heartbeats end.
    rests_at: Option<Duration>,
    /// When a heartbeat last left by it.
    left: Option<Duration>,
    /// No heartbeat leaves by it any more.
    pub(crate) silent: bool,
    ipv6_heard: Option<Duration>,
}

/// Whether an address may be answered by a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Yes,
    /// Not before this moment.
    Listening(Duration),
    Silent,
}

impl Port {
    pub(crate) fn new(now: Duration, interface: Interface) -> Self {
        Self {
            interface,
            well_since: now,
            concerns: 0,
            listens_until: None,
            rests_at: None,
            left: None,
            silent: false,
            ipv6_heard: None,
        }
    }

    /// Heartbeats go out by it.
    pub(crate) fn is_beating(&self) -> bool {
        self.listens_until.is_some()
    }

    /// The number of addresses may have changed: heartbeats begin with the first one, and end soon after the last one.
    pub(crate) fn settle(&mut self, now: Duration) {
        match (self.concerns > 0, self.listens_until) {
            (true, None) => self.listen(now),
            (true, Some(_)) => self.rests_at = None,
            (false, Some(_)) => self.rests_at = self.rests_at.or(Some(now + LAST_WORDS)),
            (false, None) => {}
        }
    }

    /// Begins anew after the process was stopped.
    pub(crate) fn restart(&mut self, now: Duration) {
        self.well_since = now;
        self.left = None;
        self.silent = false;
        if self.is_beating() {
            self.listen(now);
        }
    }

    pub(crate) fn handle_left(&mut self, now: Duration) {
        self.left = Some(now);
    }

    pub(crate) fn handle_ipv6(&mut self, now: Duration) {
        self.ipv6_heard = Some(now);
    }

    /// Whether a heartbeat left by it lately: others know that we live.
    pub(crate) fn is_fresh(&self, now: Duration, patience: Duration) -> bool {
        self.left.is_some_and(|left| now < left + patience)
    }

    /// Looks whether heartbeats leave; `true` when that has changed.
    pub(crate) fn watch(&mut self, now: Duration, patience: Duration) -> bool {
        if self.rests_at.is_some_and(|rests_at| rests_at <= now) {
            self.rests_at = None;
            self.listens_until = None;
            self.left = None;
        }
        let listened = self.listens_until.is_some_and(|until| until <= now);
        let silent = listened && !self.is_fresh(now, patience);
        core::mem::replace(&mut self.silent, silent) != silent
    }

    pub(crate) fn say(&self, now: Duration) -> Say {
        match self.listens_until {
            Some(until) if until <= now && self.silent => Say::Silent,
            Some(until) if until <= now => Say::Yes,
            Some(until) => Say::Listening(until),
            None => Say::Listening(now + LISTEN),
        }
    }

    /// By which families heartbeats go out: IPv4 where the interface has an address of it, IPv6 where it has not, and
    /// where somebody speaks it.
    pub(crate) fn families(&self, now: Duration) -> (bool, bool) {
        let ipv4 = self
            .interface
            .addresses
            .iter()
            .any(|own| own.addr().is_ipv4());
        let spoken = self
            .ipv6_heard
            .is_some_and(|heard| now < heard + IPV6_MEMORY);
        (
            ipv4,
            self.interface.link_local.is_some() && (!ipv4 || spoken),
        )
    }

    fn listen(&mut self, now: Duration) {
        self.listens_until = Some(now + LISTEN);
    }
}

/// Which of the interfaces an address is answered on, and whether it is in their subnets: those in whose subnet it is, or
/// else all that the filter takes.
pub(crate) fn choose(
    interfaces: &BTreeMap<u32, &Interface>,
    filter: &InterfaceFilter,
    address: IpAddr,
) -> (Vec<u32>, bool) {
    let taken = || {
        let speaking = interfaces
            .iter()
            .filter(move |(_, one)| one.speaks(address));
        speaking.filter(|(_, one)| filter.takes(one))
    };
    let on_subnet = |(_, one): &(&u32, &&Interface)| one.is_on_subnet(address);
    let near: Vec<u32> = taken().filter(on_subnet).map(|(index, _)| *index).collect();
    match near.is_empty() {
        false => (near, true),
        true => (taken().map(|(index, _)| *index).collect(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mac;

    fn interface(address: Option<&str>) -> Interface {
        Interface {
            name: "eth0".into(),
            mac: Mac([2; 6]),
            link_local: Some("fe80::1".parse().unwrap()),
            addresses: address
                .into_iter()
                .map(|text| text.parse().unwrap())
                .collect(),
            uplink: true,
            router: false,
        }
    }

    #[test]
    fn speaks_ipv6_where_it_has_to() {
        let now = Duration::from_secs(1);
        let mut port = Port::new(now, interface(Some("10.0.0.1/24")));
        assert_eq!(port.families(now), (true, false));
        port.handle_ipv6(now);
        assert_eq!(port.families(now), (true, true));
        assert_eq!(port.families(now + IPV6_MEMORY), (true, false));
        assert_eq!(Port::new(now, interface(None)).families(now), (false, true));
    }

    #[test]
    fn has_a_say_once_it_has_listened_and_while_heartbeats_leave() {
        let (start, patience) = (Duration::ZERO, Duration::from_millis(300));
        let mut port = Port::new(start, interface(None));
        port.concerns = 1;
        port.settle(start);
        assert_eq!(port.say(start), Say::Listening(LISTEN));
        assert!(port.watch(LISTEN, patience), "nothing has left yet");
        assert_eq!(port.say(LISTEN), Say::Silent);
        port.handle_left(LISTEN);
        assert!(port.watch(LISTEN, patience));
        assert_eq!(port.say(LISTEN), Say::Yes);
        assert!(port.watch(LISTEN + patience, patience));
    }

    #[test]
    fn heartbeats_go_on_for_a_moment_when_no_address_is_left() {
        let (start, patience) = (Duration::ZERO, Duration::from_millis(300));
        let mut port = Port::new(start, interface(None));
        port.concerns = 1;
        port.settle(start);
        port.concerns = 0;
        port.settle(start);
        port.watch(LAST_WORDS - Duration::from_millis(1), patience);
        assert!(port.is_beating());
        port.watch(LAST_WORDS, patience);
        assert!(!port.is_beating());
    }

    #[test]
    fn prefers_interfaces_in_whose_subnet_the_address_is() {
        let (near, far) = (
            interface(Some("10.0.0.1/24")),
            interface(Some("10.1.0.1/24")),
        );
        let interfaces = BTreeMap::from([(1, &near), (2, &far)]);
        let choose = |text: &str| {
            let all = InterfaceFilter::new([]);
            super::choose(&interfaces, &all, text.parse().unwrap())
        };
        assert_eq!(choose("10.0.0.9"), (Vec::from([1]), true));
        assert_eq!(choose("10.9.0.9"), (Vec::from([1, 2]), false));
    }
}
