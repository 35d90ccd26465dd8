//! A witness on the segment: who has said what MAC an address has, for as long as a case takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::bench::{Capture, Packet};
use crate::node::{FABRIC, Node};
use crate::segment::{GUEST, GUEST_INTERFACE, INTERFACE};
use crate::step::say;

/// What tells the MAC of an address: ARP, and neighbor advertisements.
const FILTER: &str = "arp or (icmp6 and ip6[40] = 136)";
/// How long the old owner may still be heard after the new one: two nodes that claim one address find that out within
/// one detection time.
const SETTLING: Duration = Duration::from_millis(400);

/// The guest listens, and asks everybody for the addresses several times a second.
pub struct Watch {
    capture: Capture,
    askers: Vec<Child>,
    addresses: Vec<IpAddr>,
    names: BTreeMap<Mac, String>,
}

type Mac = [u8; 6];

/// All that was heard.
pub struct Testimony {
    heard: BTreeMap<IpAddr, Vec<(Duration, Mac)>>,
    names: BTreeMap<Mac, String>,
}

/// A time during which one machine alone said that it has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The node, or the MAC of somebody else.
    pub owner: String,
    /// When it was heard first, since the epoch.
    pub from: Duration,
    /// When it was heard last.
    pub until: Duration,
}

impl Watch {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the guest cannot.
    pub async fn start(addresses: &[IpAddr]) -> Result<Self> {
        let mut names = BTreeMap::new();
        for node in FABRIC {
            names.insert(octets(&node.mac(INTERFACE).await?)?, node.name().to_owned());
        }
        let capture = listen()?;
        let askers = addresses.iter().map(|&address| ask(address));
        Ok(Self {
            capture,
            askers: askers.collect::<Result<_>>()?,
            addresses: addresses.to_vec(),
            names,
        })
    }

    /// Ends, and tells what was heard.
    pub fn stop(mut self) -> Testimony {
        let mut heard: BTreeMap<IpAddr, Vec<_>> = BTreeMap::new();
        while let Some(packet) = self.capture.poll() {
            if let Some((address, mac)) = claim(&packet)
                && self.addresses.contains(&address)
            {
                heard.entry(address).or_default().push((packet.at, mac));
            }
        }
        Testimony {
            heard,
            names: std::mem::take(&mut self.names),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for asker in &mut self.askers {
            let _ = asker.kill();
            let _ = asker.wait();
        }
    }
}

impl Testimony {
    /// Who had the address, one after the other. Whoever is heard once more later than `SETTLING` after the next one
    /// began had it twice.
    #[must_use]
    pub fn turns(&self, address: IpAddr) -> Vec<Turn> {
        let mut turns: Vec<Turn> = Vec::new();
        for (at, mac) in self.heard.get(&address).into_iter().flatten() {
            let owner = self.name(mac);
            let before = turns.iter().rev().nth(1).map(|turn| turn.owner.clone());
            match turns.last_mut() {
                Some(turn) if turn.owner == owner => turn.until = *at,
                Some(turn)
                    if before.as_ref() == Some(&owner)
                        && at.saturating_sub(turn.from) < SETTLING => {}
                _ => turns.push(Turn {
                    owner,
                    from: *at,
                    until: *at,
                }),
            }
        }
        turns
    }

    /// Requires that exactly these nodes had the address, one after the other, and prints how long nobody was heard
    /// between them.
    ///
    /// # Errors
    /// When somebody else had it, or a node more or less often; tells when each was heard.
    pub fn ensure_owners(&self, address: IpAddr, owners: &[Node]) -> Result<()> {
        let turns = self.turns(address);
        let names = turns.iter().map(|turn| turn.owner.as_str());
        ensure!(
            names.eq(owners.iter().map(|node| node.name())),
            "{address} was to be answered by {:?} in turn, and was by\n{}",
            owners.iter().map(|node| node.name()).collect::<Vec<_>>(),
            self.shown(address)
        );
        for (from, to) in turns.iter().zip(turns.iter().skip(1)) {
            say(&format!(
                "segment: {address} went from {} to {}: nobody was heard for {} ms",
                from.owner,
                to.owner,
                to.from.saturating_sub(from.until).as_millis()
            ));
        }
        Ok(())
    }

    /// The turns, a line each, in seconds since the first packet.
    fn shown(&self, address: IpAddr) -> String {
        let mut shown = String::new();
        let turns = self.turns(address);
        let start = turns.first().map(|turn| turn.from).unwrap_or_default();
        for turn in &turns {
            let [from, until] =
                [turn.from, turn.until].map(|at| at.saturating_sub(start).as_secs_f64());
            let _ = writeln!(shown, "  {:<20} {from:>8.3} to {until:>8.3}", turn.owner);
        }
        shown
    }

    fn name(&self, mac: &Mac) -> String {
        self.names.get(mac).cloned().unwrap_or_else(|| shown(mac))
    }
}

/// A capture of what tells the MAC of an address.
pub(super) fn listen() -> Result<Capture> {
    Capture::on(&GUEST.namespace(), GUEST_INTERFACE, FILTER)
}

/// The MACs that an address has by what was captured until now.
pub(super) fn claims(capture: &mut Capture, address: IpAddr) -> BTreeSet<String> {
    let mut macs = BTreeSet::new();
    while let Some(packet) = capture.poll() {
        let claimed = claim(&packet).filter(|(claimed, _)| *claimed == address);
        macs.extend(claimed.map(|(_, mac)| shown(&mac)));
    }
    macs
}

/// Asks everybody, again and again.
fn ask(address: IpAddr) -> Result<Child> {
    let script = match address {
        IpAddr::V4(_) => format!("exec arping -q -W 0.1 -I {GUEST_INTERFACE} {address}"),
        IpAddr::V6(_) => format!(
            "while :; do ndisc6 -q -n -r 1 -w 100 {address} {GUEST_INTERFACE}; sleep 0.15; done"
        ),
    };
    std::process::Command::new("ip")
        .args(["netns", "exec", &GUEST.namespace(), "bash", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("ask for an address")
}

/// The address that a packet is about, and the MAC that it says the address has: the sender of any ARP packet has its
/// own (RFC 5227 2.4), unless it is a probe.
fn claim(packet: &Packet) -> Option<(IpAddr, Mac)> {
    let (header, rest) = packet.bytes.split_first_chunk::<14>()?;
    match header.get(12..)? {
        [0x08, 0x06] => {
            let mac = *rest.get(8..)?.first_chunk::<6>()?;
            let sender = *rest.get(14..)?.first_chunk::<4>()?;
            (sender != [0; 4]).then_some((sender.into(), mac))
        }
        [0x86, 0xdd] => {
            let target = *rest.get(48..)?.first_chunk::<16>()?;
            // The only option of a neighbor advertisement (RFC 4861 4.4), else the sender of the frame.
            let option = rest.get(66..).and_then(|rest| rest.first_chunk::<6>());
            let mac = option.or_else(|| header.get(6..)?.first_chunk())?;
            Some((target.into(), *mac))
        }
        _ => None,
    }
}

fn shown(mac: &Mac) -> String {
    let [a, b, c, d, e, f] = mac;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

fn octets(mac: &str) -> Result<Mac> {
    let octets: Vec<u8> = mac
        .split(':')
        .map(|octet| Ok(u8::from_str_radix(octet, 16)?))
        .collect::<Result<_>>()?;
    octets.try_into().ok().with_context(|| format!("MAC {mac}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 7, 0, 100));

    fn turns(heard: &[(u64, u8)]) -> Vec<String> {
        let heard = heard
            .iter()
            .map(|&(at, last)| (Duration::from_millis(at), [0, 0, 0, 0, 0, last]));
        let testimony = Testimony {
            heard: BTreeMap::from([(ADDRESS, heard.collect())]),
            names: (1..=3)
                .map(|n| ([0, 0, 0, 0, 0, n], format!("w{n}")))
                .collect(),
        };
        let turns = testimony.turns(ADDRESS);
        turns.into_iter().map(|turn| turn.owner).collect()
    }

    #[test]
    fn an_old_owner_may_be_heard_while_things_settle_and_not_later() {
        assert_eq!(turns(&[(0, 1), (100, 1), (700, 2), (800, 2)]), ["w1", "w2"]);
        assert_eq!(turns(&[(0, 1), (100, 2), (110, 1), (200, 2)]), ["w1", "w2"]);
        assert_eq!(
            turns(&[(0, 1), (100, 2), (600, 1), (1100, 2)]),
            ["w1", "w2", "w1", "w2"]
        );
    }

    #[test]
    fn a_third_machine_is_no_old_owner() {
        assert_eq!(turns(&[(0, 1), (100, 2), (110, 3)]), ["w1", "w2", "w3"]);
        assert_eq!(
            turns(&[(0, 1), (100, 9), (200, 1)]),
            ["w1", "00:00:00:00:00:09"]
        );
    }
}
