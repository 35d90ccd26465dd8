//! Peers that are configured by interface: no address but the link-local ones is on the link.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{
    Asns, BfdPeer, BfdSettings, Desired, DesiredBfd, DesiredImport, DesiredPeer, Namespace,
    Network, Originated, PeerSettings, Speaker,
};

use crate::cell::{Cell, Dials, Families, Kind};
use crate::scene::{DEADLINE, MapYes as _, OUR_ASN, PREFIXES, Scene, program, routes};

const THEIR_ASN: u32 = 64512;
const INTERFACE: &str = "eth0";
/// What the other side advertises, of each family.
const THEIRS: [&str; 2] = ["10.244.1.0/24", "fd00:244:0:1::/64"];
/// Nobody has it.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A switch with hosts on it.
struct Segment {
    switch: Namespace,
    ports: u32,
}

/// All that such a session must survive, in order; a failure shows what both sides logged.
pub(crate) async fn run<P: BfdPeer>(kind: Kind) -> Result<()> {
    let (mut scene, mut segment) = lay::<P>(kind, |_| {}).await?;
    let result = live(&mut scene, &mut segment).await;
    result.with_context(|| scene.network.logs(60))
}

/// BFD between link-local addresses.
pub(crate) async fn bfd<P: BfdPeer>() -> Result<()> {
    let (mut scene, _segment) = lay::<P>(Kind::External, |settings| {
        settings.our_bfd = Some(DesiredBfd {
            transmit: 300,
            receive: 300,
            multiplier: 3,
        });
        settings.bfd = Some(BfdSettings {
            transmit: 300,
            receive: 300,
            multiplier: 3,
        });
    })
    .await?;
    let result = watched(&mut scene).await;
    result.with_context(|| scene.network.logs(60))
}

async fn watched<P: BfdPeer>(scene: &mut Scene<P>) -> Result<()> {
    scene.await_established().await?;
    await_condition("BFD is Up", DEADLINE, async || {
        let session = scene.session().await?;
        let ours = session.bfd.as_ref().is_some_and(|bfd| bfd.state == "Up");
        let both = ours && scene.peer()?.bfd_is_up().await?;
        Ok(Seen::when(both, session).map_yes())
    })
    .await?;
    scene.peer()?.suspend_bfd(true).await?;
    await_condition("BFD ends the session", DEADLINE, async || {
        let session = scene.session().await?;
        let reason = session.last_error.as_deref().unwrap_or_default();
        let ended = session.flaps > 0 && reason.contains("BFD");
        Ok(Seen::when(ended, session).map_yes())
    })
    .await?;
    scene.peer()?.suspend_bfd(false).await?;
    scene.await_established().await
}

/// Two hosts on a switch; ours forwards and takes no router advertisements, as nodes do.
async fn lay<P: BfdPeer>(
    kind: Kind,
    change: impl FnOnce(&mut PeerSettings),
) -> Result<(Scene<P>, Segment)> {
    let mut network = Network::create()?;
    let mut segment = Segment::lay(&mut network).await?;
    let ours = segment.host(&mut network).await?;
    let theirs = segment.host(&mut network).await?;
    let sysctls = [
        "net.ipv6.conf.all.forwarding=1",
        "net.ipv6.conf.eth0.accept_ra=0",
    ];
    ours.run("sysctl", &[&["-qw"][..], &sysctls].concat())
        .await?;
    let asn = if kind == Kind::Internal {
        OUR_ASN
    } else {
        THEIR_ASN
    };
    let mut settings = PeerSettings {
        interface: Some(INTERFACE),
        ..PeerSettings::new((NOWHERE, asn), (NOWHERE, OUR_ASN))
    };
    change(&mut settings);
    let cell = Cell::new(Families::BothOverIpv6, kind, Dials::We);
    let mut scene = Scene {
        cell,
        desired: desired(&settings),
        settings,
        speaker: None,
        peer: None,
        ours,
        theirs,
        network,
    };
    scene.start_speaker().await?;
    scene.start_peer().await?;
    Ok((scene, segment))
}

fn desired(settings: &PeerSettings) -> Desired {
    let asns = Asns {
        local: settings.our_asn,
        remote: settings.asn,
    };
    let peer = DesiredPeer {
        interface: Some(INTERFACE.to_owned()),
        bfd: settings.our_bfd,
        ..DesiredPeer::new("peer", NOWHERE, asns, "10.0.9.1")
    };
    Desired {
        peers: vec![peer],
        import: Some(DesiredImport {
            within: vec!["10.244.0.0/16".to_owned(), "fd00:244::/48".to_owned()],
            max_prefixes: 100,
            ..DesiredImport::default()
        }),
        ..Desired::default()
    }
}

async fn live<P: BfdPeer>(scene: &mut Scene<P>, segment: &mut Segment) -> Result<()> {
    scene.await_established().await.context("first session")?;
    let theirs = link_local(&scene.theirs).await?;
    let session = scene.session().await?;
    ensure!(
        session.address == format!("{theirs}%{INTERFACE}"),
        "{session:?}"
    );

    scene.desired.routes = routes();
    scene.apply().await?;
    await_ours(scene, &PREFIXES)
        .await
        .context("routes of ours")?;
    scene
        .desired
        .routes
        .retain(|route| route.prefix != PREFIXES[0]);
    scene.apply().await?;
    scene.await_withdrawn(PREFIXES[0]).await?;
    scene.desired.routes = routes();
    scene.apply().await?;
    await_ours(scene, &PREFIXES).await?;
    learns_what_they_advertise(scene, theirs)
        .await
        .context("routes of theirs")?;

    scene
        .speaker
        .take()
        .context("our side")?
        .shut_down()
        .await?;
    scene
        .await_withdrawn(PREFIXES[1])
        .await
        .context("our end")?;
    scene.start_speaker().await?;
    scene.await_established().await.context("our restart")?;
    await_ours(scene, &PREFIXES).await?;

    scene.peer.take().context("the peer")?.stop().await?;
    await_ended(scene).await?;
    scene.start_peer().await?;
    scene.await_established().await.context("their restart")?;
    await_ours(scene, &PREFIXES).await?;

    scene.ours.ip(&["link", "set", INTERFACE, "down"]).await?;
    await_ended(scene).await.context("link down")?;
    scene.ours.ip(&["link", "set", INTERFACE, "up"]).await?;
    scene.await_established().await.context("link up")?;
    await_ours(scene, &PREFIXES).await?;
    notices_a_second_router(scene, segment)
        .await
        .context("a second router")
}

async fn learns_what_they_advertise<P: BfdPeer>(
    scene: &mut Scene<P>,
    theirs: Ipv6Addr,
) -> Result<()> {
    for count in [2, 0] {
        for prefix in THEIRS {
            let route = Originated {
                prefix: prefix.to_owned(),
                next_hop: theirs.into(),
                as_path: Vec::new(),
            };
            match count {
                0 => scene.peer()?.withdraw(&route).await?,
                _ => scene.peer()?.advertise(&route).await?,
            }
        }
        await_condition(
            "their routes, by their link-local address",
            DEADLINE,
            async || {
                let learned = scene.learned().await?;
                let right =
                    learned.len() == count && learned.values().all(|hops| *hops == [theirs]);
                Ok(Seen::when(right, learned).map_yes())
            },
        )
        .await?;
    }
    Ok(())
}

/// A third host calls itself a router, and falls silent again.
async fn notices_a_second_router<P: BfdPeer>(
    scene: &mut Scene<P>,
    segment: &mut Segment,
) -> Result<()> {
    let third = segment.host(&mut scene.network).await?;
    let mut second = Speaker::start(third.enter(program()), scene.network.folder())?;
    second.apply(&desired(&scene.settings)).await?;
    let names = [link_local(&scene.theirs).await?, link_local(&third).await?];
    await_condition("both are reported", DEADLINE, async || {
        let problems = problems(scene).await?;
        let ambiguous = problems.starts_with("AmbiguousNeighbor");
        let right = ambiguous
            && names
                .iter()
                .all(|name| problems.contains(&name.to_string()));
        Ok(Seen::when(right, problems).map_yes())
    })
    .await?;
    drop(second);
    third.ip(&["link", "set", INTERFACE, "down"]).await?;
    await_condition("one is left", DEADLINE, async || {
        let problems = problems(scene).await?;
        Ok(Seen::when(problems.is_empty(), problems).map_yes())
    })
    .await?;
    scene.await_established().await?;
    await_ours(scene, &PREFIXES).await
}

async fn problems<P>(scene: &mut Scene<P>) -> Result<String> {
    let speaker = scene.speaker.as_mut().context("our side is not running")?;
    Ok(speaker.problems().await?.concat())
}

/// Waits until the other side has our routes, by our link-local address and no other.
async fn await_ours<P: BfdPeer>(scene: &Scene<P>, prefixes: &[&str]) -> Result<()> {
    for prefix in prefixes {
        await_condition(
            &format!("{prefix} by our link-local address"),
            DEADLINE,
            async || {
                let ours = IpAddr::V6(link_local(&scene.ours).await?);
                let route = scene.peer()?.route(prefix).await?;
                let hops = route.as_ref().map(|route| route.next_hops.as_slice());
                let right = hops
                    .is_some_and(|hops| !hops.is_empty() && hops.iter().all(|hop| *hop == ours));
                Ok(Seen::when(right, route).map_yes())
            },
        )
        .await?;
    }
    Ok(())
}

async fn await_ended<P: BfdPeer>(scene: &mut Scene<P>) -> Result<()> {
    await_condition(
        "our side sees the end of the session",
        DEADLINE,
        async || {
            let session = scene.session().await?;
            Ok(Seen::when(session.state != "Established", session).map_yes())
        },
    )
    .await
}

async fn link_local(host: &Namespace) -> Result<Ipv6Addr> {
    let arguments = [
        "-6", "-o", "addr", "show", "dev", INTERFACE, "scope", "link",
    ];
    let shown = host.run("ip", &arguments).await?;
    let words = shown.split_whitespace();
    let address = words.skip_while(|word| *word != "inet6").nth(1);
    let address = address.with_context(|| format!("no link-local address: {shown}"))?;
    let (address, _) = address.split_once('/').context("prefix length")?;
    Ok(address.parse()?)
}

impl Segment {
    async fn lay(network: &mut Network) -> Result<Self> {
        let switch = network.namespace().await?;
        switch.ip(&["link", "add", "br0", "type", "bridge"]).await?;
        switch.ip(&["link", "set", "br0", "up"]).await?;
        Ok(Self { switch, ports: 0 })
    }

    /// Another host on the switch.
    async fn host(&mut self, network: &mut Network) -> Result<Namespace> {
        let host = network.namespace().await?;
        self.ports += 1;
        let port = format!("p{}", self.ports);
        let (end, plug) = ((&host, INTERFACE, &[][..]), (&self.switch, &*port, &[][..]));
        network.link(end, plug).await?;
        self.switch
            .ip(&["link", "set", &port, "master", "br0"])
            .await?;
        Ok(host)
    }
}
