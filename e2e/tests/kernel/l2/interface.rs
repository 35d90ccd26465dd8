use std::{collections::BTreeMap, fs, io, mem};

use anyhow::{Context as _, Result};
use e2e::{await_condition, condition::Seen, netns::Namespace};

use super::{
    IPV4, IPV6,
    responder::Responder,
    segment::{Segment, mac},
};
use crate::{node::DEADLINE, wire::ip};

/// ff02::1:ff00:100 as /proc/net/igmp6 has it.
const GROUP: &str = "ff0200000000000000000001ff000100";

#[tokio::test]
async fn joins_the_group_of_an_address_again_whenever_the_interface_returns() -> Result<()> {
    let segment = Segment::lay(1).await?;
    let node = &segment.nodes[0];
    let responder = Responder::start(node, 0, 1);
    responder.nominate(&[]);
    let answers = async || -> Result<()> {
        responder.await_owner().await?;
        await_group(node, true).await?;
        segment.await_answers(&mac(node, "eth0").await?).await
    };
    answers().await?;
    ip(node, "link set eth0 down").await?;
    await_condition("it owns nothing", DEADLINE, async || {
        Ok(Seen::when(responder.owned() == 0, responder.owned()))
    })
    .await?;
    ip(node, "link set eth0 up").await?;
    // The kernel has removed it with the link.
    ip(node, "addr replace fd07::11/64 dev eth0 nodad").await?;
    answers().await?;
    ip(node, "link del eth0").await?;
    segment.plug(node, 11).await?;
    answers().await?;
    responder.withdraw();
    await_group(node, false).await
}

#[tokio::test]
async fn tells_a_new_mac_and_answers_neighbours_that_make_sure() -> Result<()> {
    const NEW: &str = "02:00:00:00:00:99";
    let segment = Segment::lay(1).await?;
    let node = &segment.nodes[0];
    let responder = Responder::start(node, 0, 1);
    responder.nominate(&[]);
    responder.await_owner().await?;
    let old = mac(node, "eth0").await?;
    segment.await_answers(&old).await?;
    for address in [IPV4, IPV6] {
        let entry = format!("neigh replace {address} lladdr {old} dev eth0 nud probe");
        ip(&segment.client, &entry).await?;
    }
    // The kernel asks the MAC that it has, alone.
    segment.await_neighbors(&["REACHABLE", &old]).await?;
    ip(node, &format!("link set eth0 address {NEW}")).await?;
    segment.await_neighbors(&[NEW]).await?;
    segment.await_answers(NEW).await
}

#[tokio::test]
async fn answers_on_a_bridge_and_on_interfaces_above_another() -> Result<()> {
    for kind in ["bridge", "macvlan"] {
        let segment = Segment::lay(1).await?;
        let node = &segment.nodes[0];
        stack(node, kind).await?;
        let responder = Responder::start(node, 0, 1);
        responder.nominate(&["lan"]);
        responder.await_owner().await?;
        await_group(node, true).await?;
        let mac = mac(node, "lan").await?;
        segment.await_answers(&mac).await.context(kind)?;
    }
    Ok(())
}

#[tokio::test]
async fn requests_for_other_addresses_end_in_the_filter() -> Result<()> {
    let segment = Segment::lay(1).await?;
    let node = &segment.nodes[0];
    let responder = Responder::start(node, 0, 1);
    responder.nominate(&[]);
    responder.await_owner().await?;
    segment.await_answers(&mac(node, "eth0").await?).await?;
    passed(node).await?;
    for other in ["10.7.0.99", "10.7.0.101", "10.7.1.100"] {
        let words = ["-r", "-W", "0.001", "-c", "200", "-i", "eth0", other];
        let _ = segment.client.run("arping", &words).await;
    }
    for other in ["fd07::101", "fd07:0:0:1::100", "fd07::2:0:100"] {
        ip(
            &segment.client,
            &format!("neigh replace {other} dev eth0 use"),
        )
        .await?;
    }
    await_condition("the client gives up", DEADLINE, async || {
        let shown = segment.client.run("ip", &["-6", "neigh", "show"]).await?;
        Ok(Seen::when(shown.matches("FAILED").count() == 3, shown))
    })
    .await?;
    let nothing = BTreeMap::from([("0806".to_owned(), 0), ("86dd".to_owned(), 0)]);
    assert_eq!(passed(node).await?, nothing);
    segment.ask_arp(IPV4).await?;
    segment.ask_ndp(IPV6).await?;
    let some = passed(node).await?;
    assert!(some.values().all(|frames| *frames > 0), "{some:?}");
    Ok(())
}

/// Puts an interface `lan` with the node's addresses over or around eth0.
async fn stack(node: &Namespace, kind: &str) -> Result<()> {
    ip(node, "addr flush dev eth0").await?;
    match kind {
        "bridge" => {
            ip(node, "link add lan type bridge").await?;
            ip(node, "link set eth0 master lan").await?;
        }
        _ => ip(node, "link add lan link eth0 type macvlan mode bridge").await?,
    }
    let own = [("10.7.0.11".parse()?, 24), ("fd07::11".parse()?, 64)];
    node.bring_up("lan", &own).await
}

async fn await_group(node: &Namespace, member: bool) -> Result<()> {
    await_condition(&format!("member: {member}"), DEADLINE, async || {
        let shown = node.run("cat", &["/proc/net/igmp6"]).await?;
        Ok(Seen::when(shown.contains(GROUP) == member, shown))
    })
    .await
    .map(drop)
}

/// Frames that reached the packet sockets in the namespace since the last question, by EtherType. The sockets are of this
/// process, as the drivers run in it.
async fn passed(node: &Namespace) -> Result<BTreeMap<String, u32>> {
    let shown = node.run("cat", &["/proc/net/packet"]).await?;
    let mut passed = BTreeMap::new();
    for line in shown.lines().skip(1) {
        let words: Vec<_> = line.split_whitespace().collect();
        let (ethertype, inode) = (words[3], words[8]);
        let socket = format!("socket:[{inode}]");
        for entry in fs::read_dir("/proc/self/fd")? {
            let entry = entry?;
            let target = fs::read_link(entry.path()).unwrap_or_default();
            if target.to_string_lossy() == socket {
                let descriptor = entry.file_name().to_string_lossy().parse()?;
                passed.insert(ethertype.to_owned(), count(descriptor)?);
            }
        }
    }
    Ok(passed)
}

/// PACKET_STATISTICS (packet(7)) of a packet socket: frames that passed its filter since it was asked last.
#[allow(unsafe_code, reason = "nobody lends a descriptor by its number")]
fn count(descriptor: i32) -> io::Result<u32> {
    let mut counted = libc::tpacket_stats {
        tp_packets: 0,
        tp_drops: 0,
    };
    let mut size = u32::try_from(mem::size_of_val(&counted)).expect("a few octets");
    // SAFETY: `counted` lives until the call returns and is as long as `size` says; a wrong descriptor is an error.
    let result = unsafe {
        libc::getsockopt(
            descriptor,
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut counted).cast(),
            &raw mut size,
        )
    };
    match result {
        0 => Ok(counted.tp_packets),
        _ => Err(io::Error::last_os_error()),
    }
}
