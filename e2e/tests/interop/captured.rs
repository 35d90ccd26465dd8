//! What tshark reads of our messages, as they were on the wire.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::command::Command;
use e2e::condition::Seen;
use e2e::netns::{Bird, Daemon};

use crate::cell::{Cell, Dials, Families, Kind};
use crate::scene::{DEADLINE, Scene, routes};

/// What stands in our UPDATEs, as tshark names it: for any route, for IPv4 ones, for IPv6 ones.
const ANY: [(&str, &[&str]); 7] = [
    ("bgp.update.path_attribute.origin", &["0"]),
    (
        "bgp.update.path_attribute.as_path_segment.as4",
        &["4200000001"],
    ),
    ("bgp.update.path_attribute.multi_exit_disc", &["10"]),
    (
        "bgp.update.path_attribute.community_as",
        &["64512", "65000"],
    ),
    ("bgp.update.path_attribute.community_value", &["7", "100"]),
    ("bgp.large_communities.ldp1", &["1"]),
    ("bgp.large_communities.ldp2", &["2"]),
];
const IPV4: [(&str, &[&str]); 3] = [
    ("bgp.update.path_attribute.next_hop", &["10.77.0.1"]),
    ("bgp.nlri_prefix", &["192.0.2.10"]),
    ("bgp.withdrawn_prefix", &["192.0.2.10"]),
];
const IPV6: [(&str, &[&str]); 3] = [
    (
        "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6",
        &["fd77::1"],
    ),
    ("bgp.mp_reach_nlri_ipv6_prefix", &["2001:db8::10"]),
    ("bgp.mp_unreach_nlri_ipv6_prefix", &["2001:db8::10"]),
];

/// Routes come and go while tcpdump listens; then every field has exactly the values that were meant, and nothing is
/// malformed.
pub(crate) async fn run(families: Families) -> Result<()> {
    let cell = Cell::new(families, Kind::External, Dials::We);
    let mut scene = Scene::<Bird>::set(cell, 9).await?;
    let result = live(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn live(scene: &mut Scene<Bird>) -> Result<()> {
    scene.await_established().await?;
    let speaker = scene.speaker.take().context("our side is not running")?;
    speaker.leave("").await?;
    let capture = scene.network.folder().join("wire.pcap");
    let listener = listen(scene, &capture).await?;

    scene.desired.routes = routes();
    for route in &mut scene.desired.routes {
        route.med = Some(10);
    }
    scene.start_speaker().await?;
    scene.await_established().await?;
    scene.await_routes().await?;
    scene.desired.routes.clear();
    scene.apply().await?;
    for prefix in scene.prefixes() {
        scene.await_withdrawn(prefix).await?;
    }
    listener.stop().await?;

    let malformed = tshark(&capture, &["-Y", "_ws.malformed"]).await?;
    ensure!(malformed.is_empty(), "malformed: {malformed}");
    let families = [(&IPV4, scene.settings.ipv4), (&IPV6, scene.settings.ipv6)];
    let mut wanted: Vec<_> = ANY.to_vec();
    for (fields, carried) in families {
        wanted.extend(fields.iter().map(|(field, values)| match carried {
            true => (*field, *values),
            false => (*field, [].as_slice()),
        }));
    }
    compare(scene, &capture, &wanted).await
}

async fn listen(scene: &Scene<Bird>, capture: &Path) -> Result<Daemon> {
    let log = scene.network.folder().join("tcpdump.log");
    let mut command = scene.ours.enter("tcpdump");
    let at_once = ["--immediate-mode", "-U", "-Z", "root"];
    command
        .args(at_once)
        .args(["-i", "eth0", "-w"])
        .arg(capture);
    command.arg("tcp port 179");
    let daemon = Daemon::start(command, &log)?;
    await_condition("tcpdump listens", DEADLINE, async || {
        let said = std::fs::read_to_string(&log)?;
        Ok(Seen::when(said.contains("listening on"), said))
    })
    .await?;
    Ok(daemon)
}

async fn compare(scene: &Scene<Bird>, capture: &Path, wanted: &[(&str, &[&str])]) -> Result<()> {
    let us = scene.settings.our_address;
    let ours = match us.is_ipv4() {
        true => format!("bgp.type == 2 && ip.src == {us}"),
        false => format!("bgp.type == 2 && ipv6.src == {us}"),
    };
    let fields = wanted.iter().flat_map(|(field, _)| ["-e", field]);
    let arguments = ["-Y", &ours, "-T", "fields", "-E", "aggregator=,"];
    let arguments: Vec<_> = arguments.into_iter().chain(fields).collect();
    let shown = tshark(capture, &arguments).await?;
    for (column, (field, values)) in wanted.iter().enumerate() {
        let cells = shown
            .lines()
            .filter_map(|line| line.split('\t').nth(column));
        let seen = cells.flat_map(|cell| cell.split(','));
        let seen: BTreeSet<&str> = seen.filter(|value| !value.is_empty()).collect();
        let expected: BTreeSet<&str> = values.iter().copied().collect();
        ensure!(
            seen == expected,
            "{field}: {seen:?} instead of {expected:?} in {shown}"
        );
    }
    Ok(())
}

async fn tshark(capture: &Path, arguments: &[&str]) -> Result<String> {
    let run = Command::new("tshark").arg("-r").arg(capture);
    run.args(arguments).output().await
}
