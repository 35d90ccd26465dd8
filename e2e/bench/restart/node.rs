//! What announces the address, and restarts.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Result, bail};

use e2e::bench::System;
use e2e::netns::{
    Asns, BfdSettings, Bird, Desired, DesiredBfd, DesiredPeer, DesiredRestart, DesiredRoute,
    Namespace, Originated, Peer, PeerSettings, Speaker,
};

use crate::case::{Case, End};
use crate::{ADDRESS, NODE};

pub(crate) const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub(crate) const ROUTER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const NODE_ASN: u32 = 64513;
pub(crate) const ROUTER_ASN: u32 = 64512;

/// A running one.
pub(crate) enum Node {
    Herald(Box<Speaker>),
    Bird(Box<Bird>),
}

impl Node {
    /// Starts it; `again`: the one before has left its routes.
    pub(crate) async fn start(
        case: Case,
        (namespace, folder): (&Namespace, &Path),
        again: bool,
    ) -> Result<Self> {
        match case.system {
            System::Herald => {
                let mut command = namespace.enter(std::env::current_exe()?);
                command.arg(NODE);
                let mut speaker = Speaker::start(command, folder)?;
                speaker.apply(&desired(case, again)).await?;
                Ok(Self::Herald(Box::new(speaker)))
            }
            System::Bird => {
                let settings = settings(
                    case,
                    (NODE_ADDRESS.into(), NODE_ASN),
                    (ROUTER_ADDRESS.into(), ROUTER_ASN),
                );
                let bird = match again {
                    true => Bird::recover(namespace, folder, &settings).await?,
                    false => Bird::start(namespace, folder, &settings).await?,
                };
                Ok(Self::Bird(Box::new(bird)))
            }
            System::Frr | System::FrrCoalesce0 | System::Gobgp | System::StaticRoutes => {
                bail!("{} does not restart here", case.system)
            }
        }
    }

    /// Makes one that was started afresh announce the address. Fails as long as it is not ready for that.
    pub(crate) async fn announce(&self) -> Result<()> {
        match self {
            Self::Herald(_) => Ok(()),
            Self::Bird(bird) => {
                let route = Originated {
                    prefix: format!("{ADDRESS}/32"),
                    next_hop: NODE_ADDRESS.into(),
                    as_path: Vec::new(),
                };
                bird.advertise(&route).await
            }
        }
    }

    /// Ends it, and waits until it is gone.
    pub(crate) async fn end(self, end: End) -> Result<()> {
        match (self, end) {
            (Self::Herald(speaker), End::Planned) => speaker.restart().await,
            (Self::Bird(bird), End::Planned) => bird.stop().await,
            (Self::Herald(speaker), End::Crash) => speaker.kill().await,
            (Self::Bird(bird), End::Crash) => bird.kill().await,
        }
    }
}

/// A daemon at one end of the session.
pub(crate) fn settings(case: Case, own: (IpAddr, u32), other: (IpAddr, u32)) -> PeerSettings {
    PeerSettings {
        hold_time: 90,
        graceful_restart: true,
        bfd_heeds_restart: case.bfd,
        bfd: case.bfd.then_some(BfdSettings {
            transmit: 300,
            receive: 300,
            multiplier: 3,
        }),
        ..PeerSettings::new(own, other)
    }
}

fn desired(case: Case, restarted: bool) -> Desired {
    let asns = Asns {
        local: NODE_ASN,
        remote: ROUTER_ASN,
    };
    Desired {
        listen: Some((NODE_ADDRESS, 179).into()),
        peers: vec![DesiredPeer {
            graceful_restart: Some(DesiredRestart {
                seconds: 30,
                notification: false,
            }),
            bfd: case.bfd.then_some(DesiredBfd {
                transmit: 300,
                receive: 300,
                multiplier: 3,
            }),
            ..DesiredPeer::new("router", ROUTER_ADDRESS.into(), asns, "10.0.9.1")
        }],
        routes: vec![DesiredRoute {
            prefix: format!("{ADDRESS}/32"),
            ..DesiredRoute::default()
        }],
        restarted,
        ..Desired::default()
    }
}
