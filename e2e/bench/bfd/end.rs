//! One end of a session: Herald's drivers, or a router daemon of another maker.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context, Result, bail};

use e2e::bench::System;
use e2e::command::Command;
use e2e::netns::{
    Asns, BfdPeer, BfdSettings, Bird, Desired, DesiredBfd, DesiredPeer, Frr, Namespace, Peer,
    PeerSettings, Speaker,
};

use crate::{INTERVAL, MULTIPLIER, NODE};

/// Long enough that it is never what ends a session here, s.
const HOLD_TIME: u16 = 90;
const PEER: &str = "peer";

/// Address and AS of an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) address: Ipv4Addr,
    pub(crate) asn: u32,
    /// Waits for the other instead of dialling.
    pub(crate) passive: bool,
}

/// A running end.
pub(crate) enum End {
    Herald(Box<Speaker>),
    Frr(Box<Frr>),
    Bird(Box<Bird>),
}

impl End {
    pub(crate) async fn start(
        system: System,
        (namespace, folder): (&Namespace, &Path),
        [own, other]: [Side; 2],
    ) -> Result<Self> {
        let settings = PeerSettings {
            hold_time: HOLD_TIME,
            passive: own.passive,
            bfd: Some(BfdSettings {
                transmit: INTERVAL,
                receive: INTERVAL,
                multiplier: MULTIPLIER,
            }),
            ..PeerSettings::new(
                (own.address.into(), own.asn),
                (other.address.into(), other.asn),
            )
        };
        Ok(match system {
            System::Herald => Self::Herald(Box::new(herald(namespace, folder, own, other).await?)),
            System::Frr => Self::Frr(Box::new(Frr::start(namespace, folder, &settings).await?)),
            System::Bird => Self::Bird(Box::new(Bird::start(namespace, folder, &settings).await?)),
            System::FrrCoalesce0 | System::Gobgp | System::StaticRoutes => {
                bail!("{system} has no BFD of its own")
            }
        })
    }

    /// Whether both its sessions are up.
    pub(crate) async fn is_ready(&mut self) -> Result<bool> {
        match self {
            Self::Herald(speaker) => {
                let session = speaker.session(PEER).await?;
                let bfd = session.bfd.as_ref();
                Ok(session.state == "Established" && bfd.is_some_and(|bfd| bfd.state == "Up"))
            }
            Self::Frr(frr) => Ok(frr.established().await? && frr.bfd_is_up().await?),
            Self::Bird(bird) => Ok(bird.established().await? && bird.bfd_is_up().await?),
        }
    }

    /// How many BGP sessions it has had. BFD that goes down ends one.
    pub(crate) async fn sessions(&mut self) -> Result<u64> {
        match self {
            Self::Herald(speaker) => Ok(speaker.session(PEER).await?.flaps),
            Self::Frr(frr) => frr.sessions().await,
            Self::Bird(bird) => bird.sessions().await,
        }
    }

    /// Makes all of it stand still, or go on; what speaks BFD first.
    pub(crate) async fn suspend(&self, still: bool) -> Result<()> {
        match self {
            Self::Herald(speaker) => {
                let pid = speaker.pid().context("our process has ended")?;
                let signal = if still { "-STOP" } else { "-CONT" };
                let kill = Command::new("kill").args([signal, &pid.to_string()]);
                kill.output().await.map(drop)
            }
            Self::Frr(frr) => {
                frr.suspend_bfd(still).await?;
                frr.suspend(still).await
            }
            Self::Bird(bird) => bird.suspend(still).await,
        }
    }
}

async fn herald(namespace: &Namespace, folder: &Path, own: Side, other: Side) -> Result<Speaker> {
    let asns = Asns {
        local: own.asn,
        remote: other.asn,
    };
    let desired = Desired {
        listen: Some((own.address, 179).into()),
        peers: vec![DesiredPeer {
            hold_time: HOLD_TIME,
            bfd: Some(DesiredBfd {
                transmit: INTERVAL,
                receive: INTERVAL,
                multiplier: MULTIPLIER,
            }),
            ..DesiredPeer::new(PEER, IpAddr::V4(other.address), asns, "10.0.9.1")
        }],
        ..Desired::default()
    };
    let mut command = namespace.enter(std::env::current_exe()?);
    command.arg(NODE);
    let mut speaker = Speaker::start(command, folder)?;
    speaker.apply(&desired).await?;
    Ok(speaker)
}
