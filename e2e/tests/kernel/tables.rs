//! The nftables table: what others do to it is undone, and what others have is left alone.

use std::{collections::BTreeSet, net::IpAddr};

use anyhow::Result;
use bgp::Prefix;
use e2e::{await_condition, condition::Seen, netns::Namespace};
use model::AddressFamily;
use plan::{Egress, FamilyEgress, Guard, Part, SourceNat};

use crate::{
    node::{DEADLINE, Node, clean},
    wire::{Wires, foreign_tables},
};

/// A table like those of others: chains on the same hooks, sets, maps, counters.
const FOREIGN: &str = "table inet other {
    set pods_v4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 }; }
    map ports { type inet_service : verdict; elements = { 80 : accept }; }
    counter seen { }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr @pods_v4 counter name seen masquerade;
    }
    chain forward { type filter hook forward priority filter; policy accept; tcp dport vmap @ports; }
}
table ip herald { chain forward { type filter hook forward priority filter; policy accept; }; }";

#[tokio::test]
async fn the_table_is_what_it_should_be_and_nothing_else_is_touched() -> Result<()> {
    let wires = Wires::lay().await?;
    wires.node.run("nft", &[FOREIGN]).await?;
    let before = foreign_tables(&wires.node).await?;
    let node = Node::start(&wires.node);
    node.guard(guards(&["203.0.113.1", "2001:db8::1"]));
    node.want_egress(egress(
        SourceNat::Masquerade,
        &["198.51.100.0/24", "fd99::/16"],
    ));
    let shown = await_table(&wires.node, &["chain postrouting", "chain forward"], &[]).await?;
    assert_eq!(shown.trim(), TABLE.trim());

    // Another translation, other elements, a family less.
    let mut other = egress(SourceNat::To("10.0.0.1".parse()?), &[]);
    other.remove(&AddressFamily::IPv6);
    node.want_egress(other);
    node.guard([
        (host("203.0.113.1"), Some(Guard::Drop)),
        (host("2001:db8::1"), None),
    ]);
    let snat = "snat ip to 10.0.0.1 fully-random";
    await_table(&wires.node, &[snat], &["pods_v6", "2001:db8::1"]).await?;
    node.plan(|plan| plan.egress = Part::Absent);
    await_table(&wires.node, &["203.0.113.1"], &["postrouting", "pods_v4"]).await?;
    node.guard([(host("203.0.113.1"), None)]);
    node.await_nft(|state| !state.held && state.in_sync).await?;
    assert_eq!(foreign_tables(&wires.node).await?, before);
    assert_eq!(
        node.nft.borrow().repairs,
        0,
        "what we do ourselves is no repair"
    );
    Ok(())
}

#[tokio::test]
async fn whatever_others_do_to_the_table_is_undone() -> Result<()> {
    let wires = Wires::lay().await?;
    wires.node.run("nft", &[FOREIGN]).await?;
    let node = Node::start(&wires.node);
    node.guard(guards(&["203.0.113.1", "203.0.113.2", "2001:db8::1"]));
    node.want_egress(egress(SourceNat::Masquerade, &["198.51.100.0/24"]));
    let with = ["203.0.113.2", "2001:db8::1", "198.51.100.0/24"];
    let good = await_table(&wires.node, &with, &[]).await?;
    let foreign = foreign_tables(&wires.node).await?;
    let mut repairs = node.nft.borrow().repairs;
    for attack in [
        "delete table inet herald",
        "flush table inet herald",
        "flush chain inet herald postrouting",
        "flush set inet herald reject_v4",
        "delete element inet herald reject_v4 { 203.0.113.2 }",
        "add element inet herald excluded_v4 { 10.99.0.0/16 }",
        "add element inet herald pods_v6 { fd77::/32 }",
        "insert rule inet herald forward drop",
        "add chain inet herald forward { policy drop; }",
        "add table inet herald { flags dormant; }",
        "delete chain inet herald forward",
    ] {
        wires.node.run("nft", &[attack]).await?;
        let state = node
            .await_nft(|state| state.repairs > repairs && state.in_sync)
            .await;
        repairs = state.map_err(|error| error.context(attack))?.repairs;
        assert_eq!(table(&wires.node).await?, good, "after: {attack}");
        assert_eq!(
            foreign_tables(&wires.node).await?,
            foreign,
            "after: {attack}"
        );
    }
    wires.node.run("nft", &["flush", "ruleset"]).await?;
    node.await_nft(|state| state.repairs > repairs && state.in_sync)
        .await?;
    assert_eq!(table(&wires.node).await?, good);
    assert_eq!(foreign_tables(&wires.node).await?, "");

    let removed = clean(&wires.node, || {
        let first = speaker::io::nft::remove_table()?;
        Ok((first, speaker::io::nft::remove_table()))
    });
    let (first, second) = removed?;
    // The driver puts it back at once: the second may find it again.
    assert!(first && second.is_ok());
    drop(node);
    clean(&wires.node, speaker::io::nft::remove_table)?;
    assert!(!clean(&wires.node, speaker::io::nft::remove_table)?);
    Ok(())
}

#[tokio::test]
async fn what_an_earlier_run_left_stays_until_all_is_known() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    node.guard(guards(&["203.0.113.1"]));
    node.want_egress(egress(SourceNat::Masquerade, &[]));
    let with = ["chain postrouting", "chain forward"];
    let left = await_table(&wires.node, &with, &[]).await?;
    drop(node);

    let node = Node::start(&wires.node);
    node.await_nft(|state| state.held && state.in_sync).await?;
    assert_eq!(table(&wires.node).await?, left);
    node.guard([]);
    node.plan(|plan| plan.egress = Part::Absent);
    node.await_nft(|state| !state.held && state.in_sync).await?;
    Ok(())
}

#[tokio::test]
async fn transactions_of_others_are_no_repairs() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    node.guard(guards(&["203.0.113.1"]));
    await_table(&wires.node, &["203.0.113.1"], &[]).await?;
    for _ in 0..50 {
        let transaction = format!("{FOREIGN}\nflush table inet other");
        wires.node.run("nft", &[&transaction]).await?;
    }
    node.guard(guards(&["203.0.113.9"]));
    await_table(&wires.node, &["203.0.113.9"], &[]).await?;
    let state = node.await_nft(|state| state.in_sync).await?;
    assert_eq!(state.repairs, 0);
    Ok(())
}

/// Translation of both families.
pub(crate) fn egress(source: SourceNat, excluded: &[&str]) -> Egress {
    let one = |family: AddressFamily, pods: &str, cluster: &[&str], node: &str| {
        let mine = |text: &&&str| text.contains(':') == (family == AddressFamily::IPv6);
        let excluded = excluded
            .iter()
            .filter(mine)
            .map(|text| text.parse().unwrap());
        let egress = FamilyEgress {
            pods: vec![pods.parse().unwrap()],
            cluster: cluster.iter().map(|text| text.parse().unwrap()).collect(),
            nodes: BTreeSet::from([node.parse().unwrap()]),
            excluded: excluded.collect(),
            source: match (source, family) {
                // One address is of one family.
                (SourceNat::To(IpAddr::V4(_)), AddressFamily::IPv6)
                | (SourceNat::To(IpAddr::V6(_)), AddressFamily::IPv4) => SourceNat::Masquerade,
                (source, _) => source,
            },
        };
        (family, egress)
    };
    Egress::from([
        one(
            AddressFamily::IPv4,
            "10.244.1.0/24",
            &["10.244.0.0/17", "10.244.128.0/17"],
            "192.0.2.5",
        ),
        one(
            AddressFamily::IPv6,
            "fd44:0:0:1::/64",
            &["fd44::/48"],
            "2001:db8::5",
        ),
    ])
}

/// The network of one address.
pub(crate) fn host(address: &str) -> Prefix {
    Prefix::host(address.parse().unwrap())
}

pub(crate) fn guards(addresses: &[&str]) -> Vec<(Prefix, Option<Guard>)> {
    let guard = |text: &&str| (host(text), Some(Guard::Reject));
    addresses.iter().map(guard).collect()
}

/// Waits until `nft` shows our table with these words and without those.
pub(crate) async fn await_table(
    namespace: &Namespace,
    with: &[&str],
    without: &[&str],
) -> Result<String> {
    await_condition(
        &format!("{with:?}, not {without:?}"),
        DEADLINE,
        async || {
            let shown = table(namespace).await?;
            let right = with.iter().all(|words| shown.contains(words))
                && !without.iter().any(|words| shown.contains(words));
            Ok(match right {
                true => Seen::Yes(shown),
                false => Seen::Not(shown),
            })
        },
    )
    .await
}

/// The table without what its counters count and without the hashes in comments: `nft` shows the newest part last, so
/// parts are sorted.
async fn table(namespace: &Namespace) -> Result<String> {
    let list = ["-s", "list", "table", "inet", "herald"];
    let shown = namespace.run("nft", &list).await?;
    let mut parts: Vec<_> = shown.split("\n\n").map(without_hashes).collect();
    parts.sort_unstable();
    Ok(parts.join("\n"))
}

fn without_hashes(text: &str) -> String {
    let plain = text.replace("table inet herald {", "");
    let lines = plain.lines().map(|line| {
        let mut line = line.trim().to_owned();
        if let Some((start, hash)) = line.rsplit_once(' ') {
            let digits = hash.strip_suffix('"').filter(|digits| digits.len() == 16);
            if digits.is_some_and(|digits| u64::from_str_radix(digits, 16).is_ok()) {
                line = format!("{start}\"");
            }
        }
        line
    });
    let lines = lines.filter(|line| !line.is_empty() && line != "}");
    lines.map(|line| format!("{line}\n")).collect()
}

/// Both parts in full.
const TABLE: &str = r#"
chain forward {
comment "herald-speaker"
type filter hook forward priority filter; policy accept;
ip daddr @drop_v4 counter name "drop_v4" drop comment "drop_v4"
ip daddr @reject_v4 counter name "reject_v4" reject with icmpx host-unreachable comment "reject_v4"
ip6 daddr @drop_v6 counter name "drop_v6" drop comment "drop_v6"
ip6 daddr @reject_v6 counter name "reject_v6" reject with icmpx host-unreachable comment "reject_v6"

chain postrouting {
comment "herald-speaker"
type nat hook postrouting priority srcnat; policy accept;
ip saddr @pods_v4 ip daddr != @cluster_v4 ip daddr != @nodes_v4 ip daddr != @excluded_v4 ip daddr != 224.0.0.0/4 counter name "egress_v4" masquerade fully-random comment "egress_v4"
ip6 saddr @pods_v6 ip6 daddr != @cluster_v6 ip6 daddr != @nodes_v6 ip6 daddr != @excluded_v6 ip6 daddr != ff00::/8 counter name "egress_v6" masquerade fully-random comment "egress_v6"

counter drop_v4 {

counter drop_v6 {

counter egress_v4 {

counter egress_v6 {

counter reject_v4 {

counter reject_v6 {

set cluster_v4 {
type ipv4_addr
flags interval
elements = { 10.244.0.0/16 }

set cluster_v6 {
type ipv6_addr
flags interval
elements = { fd44::/48 }

set drop_v4 {
type ipv4_addr

set drop_v6 {
type ipv6_addr

set excluded_v4 {
type ipv4_addr
flags interval
elements = { 198.51.100.0/24 }

set excluded_v6 {
type ipv6_addr
flags interval
elements = { fd99::/16 }

set nodes_v4 {
type ipv4_addr
elements = { 192.0.2.5 }

set nodes_v6 {
type ipv6_addr
elements = { 2001:db8::5 }

set pods_v4 {
type ipv4_addr
flags interval
elements = { 10.244.1.0/24 }

set pods_v6 {
type ipv6_addr
flags interval
elements = { fd44:0:0:1::/64 }

set reject_v4 {
type ipv4_addr
elements = { 203.0.113.1 }

set reject_v6 {
type ipv6_addr
elements = { 2001:db8::1 }
"#;
