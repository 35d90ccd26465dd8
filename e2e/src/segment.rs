//! The segment of the flavour `NETWORK=herald` that joins the nodes with a guest and has no router: who answers ARP and
//! NDP on it, and what can happen to it. It is a bridge in a container of its own, with a port for each machine.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::condition::{Seen, await_condition};
use crate::machine::Machine;
use crate::node::{FABRIC, Node};

mod announce;
mod heartbeat;
mod report;
mod watch;

pub use announce::prefer;
pub use heartbeat::{Datagram, hear, send};
pub use watch::{Testimony, Turn, Watch};

/// The nodes' interface on the segment.
pub const INTERFACE: &str = "eth2";
/// The guest: no node and no router.
pub const GUEST: Machine = Machine::new("guest");
/// The guest's addresses.
pub const GUEST_ADDRESSES: [&str; 2] = ["10.7.0.2", "fd07::2"];
/// The guest's interface.
pub const GUEST_INTERFACE: &str = "eth1";
/// The bridge.
const SWITCH: Machine = Machine::new("lan");
/// Generous: a takeover takes less than a second.
const DEADLINE: Duration = Duration::from_secs(60);

/// Every port on one bridge with a carrier, no node stopped or filtered, and no address on the guest but its own.
const WHOLE_SWITCH: &str = "for port in eth1 eth2 eth3 eth4; do \
                              ip link set $port master br0; ip link set $port up; \
                            done; \
                            ip link delete br1 2> /dev/null; true";
const WHOLE_NODE: &str = "kill -CONT $(pgrep -x herald-speaker) 2> /dev/null; \
                          nft delete table inet e2e 2> /dev/null; \
                          ip link delete e2e0 2> /dev/null; true";
const WHOLE_GUEST: &str = "ip -o addr show dev eth1 scope global \
                            | awk '{print $4}' | grep -vE '^(10.7.0.2/24|fd07::2/64)$' \
                            | xargs -rI% ip addr delete % dev eth1; \
                          ip neigh flush dev eth1; true";

/// The MACs that answer when the guest asks everybody for an address, by `arping` or `ndisc6`. What `ndisc6` receives is
/// read from a capture: it takes no answer about a global address that comes from a link-local one.
///
/// # Errors
/// When the guest cannot ask.
pub async fn answering(address: IpAddr) -> Result<BTreeSet<String>> {
    match address {
        IpAddr::V4(_) => {
            let ask = format!("arping -r -c 2 -W 0.2 -I {GUEST_INTERFACE} {address} || true");
            let shown = on_guest(&ask).await?;
            let lines = shown.lines().map(|line| line.trim().to_lowercase());
            Ok(lines.filter(|line| !line.is_empty()).collect())
        }
        IpAddr::V6(_) => {
            let ask = format!("ndisc6 -q -n -r 1 -w 300 {address} {GUEST_INTERFACE} || true");
            let mut claims = watch::listen()?;
            on_guest(&ask).await?;
            Ok(watch::claims(&mut claims, address))
        }
    }
}

/// Waits until exactly one MAC answers for an address, and returns the node whose interface it is.
///
/// # Errors
/// When that does not happen within a minute.
pub async fn await_owner(address: IpAddr) -> Result<Node> {
    await_owner_among(address, &FABRIC).await
}

/// Waits until exactly one MAC answers for an address, and it is that of one of these nodes.
///
/// # Errors
/// When that does not happen within a minute.
pub async fn await_owner_among(address: IpAddr, nodes: &[Node]) -> Result<Node> {
    await_owner_on(INTERFACE, address, nodes).await
}

/// The same for another interface of the nodes.
///
/// # Errors
/// When that does not happen within a minute.
pub async fn await_owner_on(interface: &str, address: IpAddr, nodes: &[Node]) -> Result<Node> {
    let mut macs = Vec::new();
    for &node in nodes {
        macs.push((node, node.mac(interface).await?));
    }
    let sentence = format!("one of {macs:?} alone answers {address}");
    await_condition(&sentence, DEADLINE, async || {
        let answering = answering(address).await?;
        let owner = macs.iter().find(|(_, mac)| answering.contains(mac));
        match owner {
            Some((node, _)) if answering.len() == 1 => Ok(Seen::Yes(*node)),
            _ => Ok(Seen::Not(format!("{answering:?}"))),
        }
    })
    .await
}

/// Waits until nobody answers for an address.
///
/// # Errors
/// When somebody goes on for more than a minute.
pub async fn await_silence(address: IpAddr) -> Result<()> {
    let sentence = format!("nobody answers {address}");
    await_condition(&sentence, DEADLINE, async || {
        let answering = answering(address).await?;
        Ok(Seen::when(answering.is_empty(), answering))
    })
    .await
    .map(|_| ())
}

/// Runs a script of this machine's programs in the guest's network namespace.
///
/// # Errors
/// When it fails.
pub async fn on_guest(script: &str) -> Result<String> {
    GUEST.enter("bash").args(["-ec", script]).output().await
}

/// The guest's MAC.
///
/// # Errors
/// When the guest does not run.
pub async fn guest_mac() -> Result<String> {
    let path = format!("/sys/class/net/{GUEST_INTERFACE}/address");
    Ok(GUEST.exec(&["cat", &path]).await?.trim().to_owned())
}

/// Takes the carrier from a node's interface, or gives it back: the switch's port goes down.
///
/// # Errors
/// When the switch does not run.
pub async fn set_port(node: Node, up: bool) -> Result<()> {
    let state = if up { "up" } else { "down" };
    SWITCH
        .exec(&["ip", "link", "set", port(node)?, state])
        .await?;
    Ok(())
}

/// Splits the segment: the node is alone on one side, with its carrier; everybody else on the other.
///
/// # Errors
/// When the switch does not run.
pub async fn part(node: Node) -> Result<()> {
    let script = format!(
        "ip link add br1 type bridge; ip link set br1 up; ip link set {} master br1",
        port(node)?
    );
    SWITCH.exec(&["bash", "-ec", &script]).await?;
    Ok(())
}

/// Joins both sides again.
///
/// # Errors
/// When the switch does not run.
pub async fn join() -> Result<()> {
    SWITCH.exec(&["bash", "-c", WHOLE_SWITCH]).await?;
    Ok(())
}

/// The segment as it was deployed.
pub(crate) async fn restore() -> Result<()> {
    join().await?;
    for node in FABRIC {
        node.machine.exec(&["bash", "-c", WHOLE_NODE]).await?;
    }
    GUEST.exec(&["bash", "-c", WHOLE_GUEST]).await?;
    Ok(())
}

/// The switch's port of a node, in the topology's order.
fn port(node: Node) -> Result<&'static str> {
    let ports = ["eth1", "eth2", "eth3"];
    let found = FABRIC.iter().zip(ports).find(|(other, _)| **other == node);
    let (_, port) = found.context("a node without a port")?;
    Ok(port)
}

impl Node {
    /// The MAC of one of its interfaces.
    ///
    /// # Errors
    /// When there is no such interface.
    pub async fn mac(self, interface: &str) -> Result<String> {
        let path = format!("/sys/class/net/{interface}/address");
        let mac = self.machine.exec(&["cat", &path]).await?;
        Ok(mac.trim().to_owned())
    }

    /// Sends a signal to the speaker's process, as `kill` names it.
    ///
    /// # Errors
    /// When no speaker runs there.
    pub async fn signal_speaker(self, signal: &str) -> Result<()> {
        let script = format!("kill -{signal} $(pgrep -x herald-speaker)");
        self.machine.exec(&["bash", "-ec", &script]).await?;
        Ok(())
    }
}
