//! Two hosts, our speaker on one and a router of another maker on the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{
    Asns, Desired, DesiredPeer, DesiredRestart, DesiredRoute, LearnedPrefixes, Namespace, Network,
    Originated, Peer, PeerSettings, Received, SessionReport, Speaker,
};

use crate::cell::{Cell, Dials, Kind};
use crate::learn::{await_learned, import};

/// Generous: GoBGP is idle for 30 s after a reset, and eight cases share the machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const PREFIXES: [&str; 2] = ["192.0.2.10/32", "2001:db8::10/128"];
/// Of the other side, inside of what our filter lets pass.
const THEIR_PREFIXES: [&str; 2] = ["10.244.1.0/24", "fd00:244:0:1::/64"];
pub(crate) const RANGES: [&str; 2] = ["10.244.0.0/16", "fd00:244::/48"];
pub(crate) const PASSWORD: &str = "correct-horse";
pub(crate) const OUR_ASN: u32 = 4_200_000_001;
const THEIR_ASN: u32 = 64512;
const OUR_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
const OUR_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1));

/// Program under test: the real driver.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bgp-node"))
}

/// What a case plays on. Dropped, everything on it is gone.
pub(crate) struct Scene<P> {
    pub(crate) cell: Cell,
    pub(crate) settings: PeerSettings,
    pub(crate) desired: Desired,
    pub(crate) speaker: Option<Speaker>,
    pub(crate) peer: Option<P>,
    pub(crate) ours: Namespace,
    pub(crate) theirs: Namespace,
    pub(crate) network: Network,
}

impl<P: Peer> Scene<P> {
    /// Lays the wires and starts both sides; our password is not yet right when the session has one.
    pub(crate) async fn set(cell: Cell, hold_time: u16) -> Result<Self> {
        Self::set_with(cell, hold_time, |_| {}).await
    }

    /// The same with other settings of both sides.
    pub(crate) async fn set_with(
        cell: Cell,
        hold_time: u16,
        change: impl FnOnce(&mut PeerSettings),
    ) -> Result<Self> {
        let mut network = Network::create()?;
        let (ours, theirs) = wire(&mut network, cell.kind == Kind::MultiHop).await?;
        if cell.kind == Kind::Loopbacks {
            add_loopbacks(&ours, &theirs).await?;
        }
        let mut settings = settings(cell, hold_time);
        change(&mut settings);
        let desired = desired(cell, &settings);
        let mut scene = Self {
            cell,
            settings,
            desired,
            speaker: None,
            peer: None,
            ours,
            theirs,
            network,
        };
        scene.start_speaker().await?;
        scene.start_peer().await?;
        Ok(scene)
    }

    /// The other side.
    pub(crate) fn peer(&self) -> Result<&P> {
        self.peer.as_ref().context("the peer is not running")
    }

    pub(crate) async fn start_peer(&mut self) -> Result<()> {
        self.peer = Some(P::start(&self.theirs, self.network.folder(), &self.settings).await?);
        Ok(())
    }

    pub(crate) async fn start_speaker(&mut self) -> Result<()> {
        let command = self.ours.enter(program());
        let mut speaker = Speaker::start(command, self.network.folder())?;
        speaker.apply(&self.desired).await?;
        self.speaker = Some(speaker);
        Ok(())
    }

    /// Tells our side what is wanted now.
    pub(crate) async fn apply(&mut self) -> Result<()> {
        self.speaker
            .as_mut()
            .context("our side is not running")?
            .apply(&self.desired)
            .await
    }

    /// Our side of the session.
    pub(crate) async fn session(&mut self) -> Result<SessionReport> {
        self.speaker
            .as_mut()
            .context("our side is not running")?
            .session("peer")
            .await
    }

    /// Our side, to be told or stopped.
    pub(crate) fn speaker(&self) -> Result<&Speaker> {
        self.speaker.as_ref().context("our side is not running")
    }

    /// From their next start on both sides dial.
    pub(crate) fn both_dial(&mut self) {
        self.settings.passive = false;
        for peer in &mut self.desired.peers {
            peer.passive = false;
        }
        self.desired.restarted = false;
    }

    /// What our side learned.
    pub(crate) async fn learned(&mut self) -> Result<LearnedPrefixes> {
        let speaker = self.speaker.as_mut();
        speaker.context("our side is not running")?.learned().await
    }

    /// Waits until both sides are Established.
    pub(crate) async fn await_established(&mut self) -> Result<()> {
        await_condition("both sides are Established", DEADLINE, async || {
            let ours = self.session().await?;
            let theirs = self.peer()?.established().await?;
            let both = ours.state == "Established" && theirs;
            Ok(Seen::when(both, (ours, theirs)).map_yes())
        })
        .await
    }

    /// Waits until both sides are Established and have all that the other one advertises.
    pub(crate) async fn await_all(&mut self) -> Result<()> {
        self.await_established().await?;
        self.await_routes().await?;
        self.await_learned().await
    }

    /// What we may advertise, of the families that the session has.
    pub(crate) fn prefixes(&self) -> Vec<&'static str> {
        let families = [self.settings.ipv4, self.settings.ipv6];
        let wanted = PREFIXES.into_iter().zip(families);
        wanted
            .filter(|(_, wanted)| *wanted)
            .map(|(prefix, _)| prefix)
            .collect()
    }

    /// What the other side advertises, of those families.
    pub(crate) fn their_routes(&self) -> Vec<Originated> {
        let families = [self.settings.ipv4, self.settings.ipv6];
        let next_hops = match self.cell.kind {
            Kind::Loopbacks => loopbacks(2),
            Kind::MultiHop => wired(1, 2).map(|(address, _)| address),
            Kind::External | Kind::Internal | Kind::Md5 | Kind::Gtsm => {
                wired(0, 2).map(|(address, _)| address)
            }
        };
        let all = THEIR_PREFIXES.into_iter().zip(next_hops).zip(families);
        let wanted = all.filter(|(_, wanted)| *wanted);
        wanted
            .map(|((prefix, next_hop), _)| Originated {
                prefix: prefix.to_owned(),
                next_hop,
                as_path: Vec::new(),
            })
            .collect()
    }

    /// The other side advertises all of it, and our side learns it.
    pub(crate) async fn peer_advertises(&mut self) -> Result<()> {
        for route in self.their_routes() {
            self.peer()?.advertise(&route).await?;
        }
        self.await_learned().await
    }

    /// Lets pass what the other side advertises.
    pub(crate) async fn open_our_filter(&mut self) -> Result<()> {
        import(self, &RANGES, 0).await
    }

    pub(crate) async fn await_learned(&mut self) -> Result<()> {
        let routes = self.their_routes();
        let routes: Vec<_> = routes.iter().collect();
        await_learned(self, "the other side's routes", &routes).await
    }

    pub(crate) async fn await_nothing_learned(&mut self) -> Result<()> {
        await_learned(self, "none of the other side's routes", &[]).await
    }

    /// Waits until the other side has those of our routes that are wanted, exactly as they should be.
    pub(crate) async fn await_routes(&self) -> Result<()> {
        let next_hops = match self.cell.kind {
            Kind::Loopbacks => loopbacks(1),
            Kind::External | Kind::Internal | Kind::Md5 | Kind::MultiHop | Kind::Gtsm => {
                [OUR_IPV4, OUR_IPV6]
            }
        };
        for route in &self.desired.routes {
            let prefix = route.prefix.as_str();
            if !self.prefixes().contains(&prefix) {
                continue;
            }
            let expected = self.expected(route, next_hops[usize::from(prefix.contains(':'))]);
            await_condition(&format!("{prefix} as {expected:?}"), DEADLINE, async || {
                let mut route = self.peer()?.route(prefix).await?;
                if let Some(route) = route.as_mut().filter(|_| self.cell.kind != Kind::Internal) {
                    // Only iBGP carries it; some peers show their own default.
                    route.local_pref = None;
                }
                let right = route.as_ref() == Some(&expected);
                Ok(Seen::when(right, route).map_yes())
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until the other side has the route no more.
    pub(crate) async fn await_withdrawn(&self, prefix: &str) -> Result<()> {
        await_condition(&format!("{prefix} withdrawn"), DEADLINE, async || {
            let route = self.peer()?.route(prefix).await?;
            Ok(Seen::when(route.is_none(), route).map_yes())
        })
        .await
    }

    fn expected(&self, route: &DesiredRoute, next_hop: IpAddr) -> Received {
        let internal = self.cell.kind == Kind::Internal;
        Received {
            next_hops: vec![next_hop],
            as_path: if internal { vec![] } else { vec![OUR_ASN] },
            origin: "igp".to_owned(),
            local_pref: route.local_pref.filter(|_| internal),
            communities: sorted(&route.communities),
            large_communities: sorted(&route.large_communities),
        }
    }
}

/// The routes that every case announces, one of each family.
pub(crate) fn routes() -> Vec<DesiredRoute> {
    let route = |prefix: &str| DesiredRoute {
        prefix: prefix.to_owned(),
        local_pref: Some(150),
        communities: vec!["65000:100".to_owned(), "64512:7".to_owned()],
        large_communities: vec!["4200000001:1:2".to_owned()],
        ..DesiredRoute::default()
    };
    PREFIXES.map(route).to_vec()
}

/// All have equally many digits.
fn sorted(communities: &[String]) -> Vec<String> {
    let mut communities = communities.to_vec();
    communities.sort();
    communities
}

fn settings(cell: Cell, hold_time: u16) -> PeerSettings {
    let (loopback, far) = (cell.kind == Kind::Loopbacks, cell.kind == Kind::MultiHop);
    let (address, our_address) = match (cell.families.over_ipv6(), loopback) {
        (false, true) => (loopbacks(2)[0], loopbacks(1)[0]),
        (true, true) => (loopbacks(2)[1], loopbacks(1)[1]),
        (false, false) => (wired(u8::from(far), 2)[0].0, OUR_IPV4),
        (true, false) => (wired(u8::from(far), 2)[1].0, OUR_IPV6),
    };
    let asn = if cell.kind == Kind::Internal {
        OUR_ASN
    } else {
        THEIR_ASN
    };
    PeerSettings {
        password: (cell.kind == Kind::Md5).then(|| PASSWORD.to_owned()),
        hold_time,
        passive: cell.dials == Dials::We,
        multi_hop: far || loopback,
        ttl_security_hops: (cell.kind == Kind::Gtsm).then_some(1),
        next_hops: match loopback {
            true => loopbacks(2).to_vec(),
            false => Vec::new(),
        },
        ipv4: cell.families.carries_ipv4(),
        ipv6: cell.families.carries_ipv6(),
        ..PeerSettings::new((address, asn), (our_address, OUR_ASN))
    }
}

fn desired(cell: Cell, settings: &PeerSettings) -> Desired {
    let asns = Asns {
        local: settings.our_asn,
        remote: settings.asn,
    };
    let peer = DesiredPeer {
        passive: cell.dials == Dials::They,
        multi_hop_ttl: settings.multi_hop.then_some(8),
        ttl_security_hops: settings.ttl_security_hops,
        source: (cell.kind == Kind::Loopbacks).then_some(settings.our_address),
        dynamic: cell.kind == Kind::Loopbacks,
        password: settings.password.as_ref().map(|_| "wrong-horse".to_owned()),
        bfd: settings.our_bfd,
        graceful_restart: settings.graceful_restart.then_some(DesiredRestart {
            // GoBGP starts over when this is over, and it is idle for 30 s after a reset.
            seconds: 120,
            notification: false,
        }),
        ..DesiredPeer::new("peer", settings.address, asns, "10.0.9.1")
    };
    let any: IpAddr = match cell.families.over_ipv6() {
        false => Ipv4Addr::UNSPECIFIED.into(),
        true => Ipv6Addr::UNSPECIFIED.into(),
    };
    Desired {
        listen: Some(SocketAddr::new(any, 179)),
        peers: vec![peer],
        ..Desired::default()
    }
}

/// The loopback addresses of a host.
fn loopbacks(host: u8) -> [IpAddr; 2] {
    let ipv6 = Ipv6Addr::new(0xfd78, 0, 0, 0, 0, 0, 0, u16::from(host));
    [Ipv4Addr::new(10, 78, 0, host).into(), ipv6.into()]
}

/// Gives both hosts loopback addresses that the other one has routes to.
async fn add_loopbacks(ours: &Namespace, theirs: &Namespace) -> Result<()> {
    for (host, own, other) in [(ours, 1, 2_u8), (theirs, 2, 1)] {
        for (address, (gateway, length)) in loopbacks(own).iter().zip(wired(0, other)) {
            let length = if length == 24 { 32 } else { 128 };
            let address = format!("{address}/{length}");
            host.ip(&["addr", "add", &address, "dev", "lo"]).await?;
            let far = loopbacks(other)[usize::from(gateway.is_ipv6())].to_string();
            host.ip(&["route", "add", &far, "via", &gateway.to_string()])
                .await?;
        }
    }
    Ok(())
}

/// Addresses of a host on a wire, with the lengths of their subnets.
fn wired(net: u8, host: u8) -> [(IpAddr, u8); 2] {
    let ipv6 = Ipv6Addr::new(0xfd77, 0, 0, u16::from(net), 0, 0, 0, u16::from(host));
    [
        (Ipv4Addr::new(10, 77, net, host).into(), 24),
        (ipv6.into(), 64),
    ]
}

/// Our host and theirs, on one wire or with a router in between.
async fn wire(network: &mut Network, multi_hop: bool) -> Result<(Namespace, Namespace)> {
    let (ours, theirs) = (network.namespace().await?, network.namespace().await?);
    let net = wired;
    if !multi_hop {
        network
            .link((&ours, "eth0", &net(0, 1)), (&theirs, "eth0", &net(0, 2)))
            .await?;
        return Ok((ours, theirs));
    }
    let router = network.namespace().await?;
    network
        .link((&ours, "eth0", &net(0, 1)), (&router, "eth0", &net(0, 254)))
        .await?;
    network
        .link(
            (&theirs, "eth0", &net(1, 2)),
            (&router, "eth1", &net(1, 254)),
        )
        .await?;
    router
        .run(
            "sysctl",
            &[
                "-qw",
                "net.ipv4.ip_forward=1",
                "net.ipv6.conf.all.forwarding=1",
            ],
        )
        .await?;
    for (host, number) in [(&ours, 0), (&theirs, 1)] {
        for (gateway, _) in net(number, 254) {
            host.route_by(gateway).await?;
        }
    }
    Ok((ours, theirs))
}

/// Drops what was seen when the condition holds.
pub(crate) trait MapYes {
    fn map_yes(self) -> Seen<()>;
}

impl<T> MapYes for Seen<T> {
    fn map_yes(self) -> Seen<()> {
        match self {
            Self::Yes(_) => Seen::Yes(()),
            Self::Not(shown) => Seen::Not(shown),
        }
    }
}
