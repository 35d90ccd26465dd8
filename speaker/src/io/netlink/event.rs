//! Which notifications of the kernel concern us.

use std::collections::BTreeSet;

use bgp::Prefix;
use netlink_packet_core::NlasIterator;
use plan::{Hop, NetworkPlan};

use super::{
    route::{address, glance},
    socket::Message,
};

/// Destination of a neighbour entry (linux/neighbour.h).
const NDA_DST: u16 = 1;
/// Length of struct ndmsg, octets.
const NEIGHBOR_HEADER: usize = 12;

/// What may be other than it was when it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stale {
    /// Routes or neighbours of ours.
    pub(super) ours: bool,
    /// Routes of others for prefixes of ours.
    pub(super) foreign: bool,
}

/// What we look out for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    /// Our protocol number.
    protocol: u8,
    /// The socket through which we change things: what it caused is known.
    port: u32,
    prefixes: BTreeSet<Prefix>,
    hops: BTreeSet<Hop>,
    interfaces: BTreeSet<u32>,
}

impl Stale {
    /// Everything, when notifications were lost.
    pub(super) const ALL: Self = Self {
        ours: true,
        foreign: true,
    };

    /// Whether there is anything to look at.
    pub(super) fn any(self) -> bool {
        self.ours || self.foreign
    }

    /// Takes over what a later notification says.
    pub(super) fn merge(&mut self, later: Self) {
        self.ours |= later.ours;
        self.foreign |= later.foreign;
    }
}

impl Interest {
    /// In nothing yet.
    pub(super) fn new(protocol: u8, port: u32) -> Self {
        Self {
            protocol,
            port,
            ..Self::default()
        }
    }

    /// Our protocol number.
    pub(super) fn protocol(&self) -> u8 {
        self.protocol
    }

    /// From now on it is about this plan.
    pub(super) fn set(&mut self, plan: &NetworkPlan) {
        let routes = plan.routes.present().into_iter().flatten();
        let (mut prefixes, mut interfaces) = (BTreeSet::new(), BTreeSet::new());
        for (key, target) in routes {
            prefixes.insert(key.prefix);
            if let plan::RouteTarget::Via(hops) = target {
                interfaces.extend(hops.iter().map(|hop| hop.interface));
            }
        }
        self.hops = plan.neighbors.present().cloned().unwrap_or_default();
        interfaces.extend(self.hops.iter().map(|hop| hop.interface));
        (self.prefixes, self.interfaces) = (prefixes, interfaces);
    }

    /// Prefixes for which we want routes.
    pub(super) fn prefixes(&self) -> &BTreeSet<Prefix> {
        &self.prefixes
    }

    /// What a notification makes stale. An interface that goes down takes its routes along without a word.
    pub(super) fn judge(&self, message: &Message<'_>) -> Stale {
        let mut stale = Stale::default();
        if message.port == self.port {
            return stale;
        }
        match message.kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK | libc::RTM_NEWADDR | libc::RTM_DELADDR => {
                let index = interface(message.payload);
                stale.ours = index.is_some_and(|index| self.interfaces.contains(&index));
            }
            libc::RTM_NEWROUTE | libc::RTM_DELROUTE => {
                let Some(route) = glance(message.payload) else {
                    return stale;
                };
                if route.protocol == self.protocol {
                    stale.ours = true;
                } else if self.prefixes.contains(&route.prefix) {
                    stale = Stale::ALL;
                }
            }
            libc::RTM_DELNEIGH => {
                let hop = neighbor(message.payload);
                stale.ours = hop.is_some_and(|hop| self.hops.contains(&hop));
            }
            _ => {}
        }
        stale
    }
}

/// The index in struct ifinfomsg, ifaddrmsg and ndmsg.
fn interface(payload: &[u8]) -> Option<u32> {
    let index = payload.get(4..8)?;
    Some(u32::from_ne_bytes(index.try_into().ok()?))
}

fn neighbor(payload: &[u8]) -> Option<Hop> {
    let attributes = NlasIterator::new(payload.get(NEIGHBOR_HEADER..)?);
    let destination = attributes.flatten().find(|each| each.kind() == NDA_DST)?;
    Some(Hop {
        interface: interface(payload)?,
        gateway: address(destination.value())?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use netlink_packet_core::Emitable;
    use plan::{Part, RouteKey, RouteTarget};

    use super::*;
    use crate::io::netlink::{neighbor, route};

    const OURS: u8 = 158;
    const PORT: u32 = 77;

    fn hop() -> Hop {
        Hop {
            interface: 3,
            gateway: "10.0.0.2".parse().unwrap(),
        }
    }

    fn interest() -> Interest {
        let key = RouteKey {
            prefix: "10.1.0.0/24".parse().unwrap(),
            metric: 512,
        };
        let mut interest = Interest::new(OURS, PORT);
        interest.set(&NetworkPlan {
            routes: Part::Present(BTreeMap::from([(key, RouteTarget::Via(vec![hop()]))])),
            neighbors: Part::Present(BTreeSet::from([hop()])),
            ..NetworkPlan::default()
        });
        interest
    }

    fn judge(kind: u16, payload: &[u8], port: u32) -> Stale {
        interest().judge(&Message::new(kind, payload, port))
    }

    fn about_route(prefix: &str, protocol: u8, port: u32) -> Stale {
        let key = RouteKey {
            prefix: prefix.parse().unwrap(),
            metric: 100,
        };
        let message = route::encode(key, &RouteTarget::Unreachable, protocol);
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        judge(libc::RTM_NEWROUTE, &bytes, port)
    }

    #[test]
    fn looks_again_when_somebody_changes_a_route_of_ours_or_for_a_prefix_of_ours() {
        let ours = Stale {
            ours: true,
            foreign: false,
        };
        assert_eq!(about_route("10.9.0.0/24", OURS, 1), ours);
        assert_eq!(about_route("10.1.0.0/24", 2, 1), Stale::ALL);
        assert_eq!(about_route("10.9.0.0/24", 2, 1), Stale::default());
        let own = about_route("10.1.0.0/24", OURS, PORT);
        assert_eq!(own, Stale::default(), "we did it ourselves");
    }

    #[test]
    fn looks_again_when_an_interface_of_ours_changes_or_a_neighbour_goes() {
        let about = |kind, index: u8| judge(kind, &[0, 0, 0, 0, index, 0, 0, 0], 0).any();
        assert!(about(libc::RTM_NEWLINK, 3) && about(libc::RTM_DELADDR, 3));
        assert!(!about(libc::RTM_NEWLINK, 4) && !about(libc::RTM_NEWADDR, 4));
        let message = neighbor::encode_key(hop());
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        assert!(judge(libc::RTM_DELNEIGH, &bytes, 0).any());
        assert!(!judge(libc::RTM_NEWNEIGH, &bytes, 0).any());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for kind in 0..64 {
            for length in 0..40 {
                judge(kind, &vec![3; length], 0);
            }
        }
    }
}
