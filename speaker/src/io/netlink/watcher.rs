//! Tells what interfaces this node has.

use std::{collections::BTreeSet, io};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage, address::AddressMessage, link::LinkMessage,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use plan::{Hop, Links};
use tokio::{sync::watch, time::Instant};

use super::{
    ATTEMPTS, OBSERVE_INTERVAL,
    link::{Inventory, decode_address, decode_link},
    listen::Heard,
    route::{default_gateways, default_interfaces, glance, question},
    socket::{Message, Socket},
};

/// Multicast groups (linux/rtnetlink.h, RTNLGRP_*): links, addresses and routes of both families.
const GROUPS: [u32; 5] = [1, 5, 7, 9, 11];

/// What has to be looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stale {
    links: bool,
    addresses: bool,
    defaults: bool,
}

/// Keeps the facts up to date for as long as the sockets work.
pub(super) struct Watcher {
    questions: Socket,
    events: Socket,
    /// Number of our own routes.
    protocol: u8,
    inventory: Inventory,
}

impl Watcher {
    /// # Errors
    /// The kernel gives no sockets.
    pub(super) fn open(protocol: u8) -> io::Result<Self> {
        Ok(Self {
            // First the ears, then the question: nothing happens unheard in between.
            events: Socket::open(NETLINK_ROUTE, &GROUPS)?,
            questions: Socket::open(NETLINK_ROUTE, &[])?,
            protocol,
            inventory: Inventory::default(),
        })
    }

    /// Sends what changed.
    ///
    /// # Errors
    /// A socket failed.
    pub(super) async fn run(&mut self, links: &watch::Sender<Links>) -> io::Result<()> {
        let (mut stale, mut attempts) = (Stale::ALL, 0);
        loop {
            match self.observe(stale).await {
                // A list changed while it was read.
                Err(error) if error.kind() == io::ErrorKind::Interrupted && attempts < ATTEMPTS => {
                    attempts += 1;
                    continue;
                }
                observed => observed?,
            }
            attempts = 0;
            let seen = self.inventory.links();
            links.send_if_modified(|last| {
                let changed = *last != seen;
                *last = seen;
                changed
            });
            stale = self.wait().await?;
        }
    }

    /// Until something may have changed; what comes in a burst is one change.
    async fn wait(&mut self) -> io::Result<Stale> {
        let mut stale = Stale::default();
        let until = Instant::now() + OBSERVE_INTERVAL;
        let judge = |message: &Message<'_>| {
            stale.judge(message);
            stale != Stale::default()
        };
        Ok(match self.events.listen(until, judge).await? {
            Heard::Concern => stale,
            Heard::Lost | Heard::Nothing => Stale::ALL,
        })
    }

    async fn observe(&mut self, stale: Stale) -> io::Result<()> {
        let mut seen = self.inventory.clone();
        if stale.links {
            seen.links.clear();
            let question = RouteNetlinkMessage::GetLink(LinkMessage::default());
            let each = |message: Message<'_>| seen.links.extend(decode_link(message.payload));
            self.questions.ask(question, true, each).await?;
        }
        if stale.addresses {
            seen.addresses.clear();
            seen.link_locals.clear();
            let question = RouteNetlinkMessage::GetAddress(AddressMessage::default());
            let each = |message: Message<'_>| {
                if let Some(own) = decode_address(message.payload) {
                    seen.add(own);
                }
            };
            self.questions.ask(question, true, each).await?;
        }
        if stale.defaults || seen.carries_defaults() != self.inventory.carries_defaults() {
            seen.gateways.clear();
            let gateways = &mut seen.gateways;
            seen.default_ipv4 = self.defaults(AddressFamily::Inet, gateways).await?;
            seen.default_ipv6 = self.defaults(AddressFamily::Inet6, gateways).await?;
        }
        self.inventory = seen;
        Ok(())
    }

    /// Interfaces with a default route of the family; its next hops go to `gateways`.
    async fn defaults(
        &mut self,
        family: AddressFamily,
        gateways: &mut BTreeSet<Hop>,
    ) -> io::Result<BTreeSet<u32>> {
        let (mut interfaces, protocol) = (BTreeSet::new(), self.protocol);
        let each = |message: Message<'_>| {
            if is_default(message.payload) {
                interfaces.extend(default_interfaces(message.payload));
                gateways.extend(default_gateways(message.payload, protocol));
            }
        };
        super::list(&mut self.questions, question(family, None), each).await?;
        Ok(interfaces)
    }
}

impl Stale {
    const ALL: Self = Self {
        links: true,
        addresses: true,
        defaults: true,
    };

    fn judge(&mut self, message: &Message<'_>) {
        match message.kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => self.links = true,
            libc::RTM_NEWADDR | libc::RTM_DELADDR => self.addresses = true,
            libc::RTM_NEWROUTE | libc::RTM_DELROUTE => {
                self.defaults |= is_default(message.payload);
            }
            _ => {}
        }
    }
}

fn is_default(route: &[u8]) -> bool {
    glance(route).is_some_and(|route| route.prefix.length() == 0)
}
