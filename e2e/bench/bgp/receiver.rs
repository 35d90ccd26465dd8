//! The systems that receive.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::Value;

use e2e::bench::System;
use e2e::netns::{Asns, Desired, DesiredImport, DesiredPeer, Namespace};

use crate::ROUTES;
use crate::originator::{ASN, SINK_ASN};
use crate::running::{Running, birdc, gobgp, vtysh};

/// A running receiver.
pub(crate) struct Receiver {
    pub(crate) running: Running,
    folder: PathBuf,
    sender: Ipv4Addr,
}

impl Receiver {
    pub(crate) async fn start(
        system: System,
        namespace: &Namespace,
        folder: &Path,
        sender: Ipv4Addr,
    ) -> Result<Self> {
        let running = match system {
            System::Herald => Running::herald(namespace, folder, &desired(sender)).await?,
            System::Bird => Running::bird(namespace, folder, &bird_text(sender)).await?,
            System::Frr | System::FrrCoalesce0 => {
                Running::frr(namespace, folder, &frr_text(sender)).await?
            }
            System::Gobgp => Running::gobgp(namespace, folder, &gobgp_text(sender)).await?,
            System::StaticRoutes => bail!("routes made by hand speak no BGP"),
        };
        Ok(Self {
            running,
            folder: folder.to_owned(),
            sender,
        })
    }

    /// Prefixes that it has from the sender.
    pub(crate) async fn received(&mut self) -> Result<u64> {
        let folder = &self.folder;
        match &mut self.running {
            Running::Herald(speaker) => Ok(speaker.session("sender").await?.received),
            Running::Bird(_) => {
                let shown = birdc(folder, &["show", "route", "count"]).await?;
                let number = shown.lines().find_map(|line| {
                    let (number, _) = line.split_once(" of ")?;
                    number.parse().ok()
                });
                Ok(number.unwrap_or(0))
            }
            Running::Frr(_) => {
                let shown = vtysh(folder, &["show bgp ipv4 unicast summary json"]).await?;
                let shown: Value = serde_json::from_str(&shown)?;
                let path = format!("/peers/{}/pfxRcd", self.sender);
                Ok(shown.pointer(&path).and_then(Value::as_u64).unwrap_or(0))
            }
            Running::Gobgp(_) => {
                let shown = gobgp(folder, &["global", "rib", "summary"]).await?;
                let mut numbers = shown.split(|letter: char| !letter.is_ascii_digit());
                Ok(numbers.find_map(|number| number.parse().ok()).unwrap_or(0))
            }
        }
    }
}

fn desired(sender: Ipv4Addr) -> Desired {
    let asns = Asns {
        local: SINK_ASN,
        remote: ASN,
    };
    Desired {
        peers: vec![DesiredPeer::new("sender", sender.into(), asns, "10.0.9.2")],
        import: Some(DesiredImport {
            within: vec!["0.0.0.0/0".to_owned()],
            allow_own_asn: 0,
            max_prefixes: 2 * ROUTES,
            ..DesiredImport::default()
        }),
        ..Desired::default()
    }
}

fn bird_text(sender: Ipv4Addr) -> String {
    format!(
        "router id 10.0.9.2;\nprotocol device {{ }}\n\
         protocol bgp {{ local as {SINK_ASN}; neighbor {sender} as {ASN}; connect delay time 0; \
         connect retry time 1; error wait time 1, 1; ipv4 {{ import all; export none; }}; }}\n"
    )
}

fn frr_text(sender: Ipv4Addr) -> String {
    format!(
        "router bgp {SINK_ASN}\n bgp router-id 10.0.9.2\n no bgp ebgp-requires-policy\n \
         neighbor {sender} remote-as {ASN}\n neighbor {sender} timers connect 1\n"
    )
}

fn gobgp_text(sender: Ipv4Addr) -> String {
    format!(
        "[global.config]\nas = {SINK_ASN}\nrouter-id = \"10.0.9.2\"\nport = -1\n\
         [[neighbors]]\n[neighbors.config]\nneighbor-address = \"{sender}\"\npeer-as = {ASN}\n\
         [neighbors.timers.config]\nconnect-retry = 1\n"
    )
}
