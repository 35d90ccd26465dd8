//! GoBGP.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::daemon::Signal;
use super::json::at;
use super::peer::{Notified, Originated};
use super::{Daemon, Namespace, Peer, PeerSettings, Received};
use crate::command::Command;

/// A running gobgpd.
#[derive(Debug)]
pub struct GoBgp {
    daemon: Daemon,
    folder: PathBuf,
    peer: String,
    families: usize,
}

impl Peer for GoBgp {
    const NAME: &'static str = "gobgp";

    async fn start(namespace: &Namespace, folder: &Path, settings: &PeerSettings) -> Result<Self> {
        let file = folder.join("gobgp.toml");
        std::fs::write(&file, configuration(settings))?;
        // One that was killed has left it.
        let _ = std::fs::remove_file(folder.join("gobgp.api"));
        let mut command = namespace.enter("gobgpd");
        command
            .arg("-f")
            .arg(&file)
            .args(["-l", "debug", "--pprof-disable", "--api-hosts"])
            .arg(api(folder));
        let daemon = Daemon::start(command, &folder.join("gobgp.log"))?;
        Ok(Self {
            daemon,
            folder: folder.to_owned(),
            peer: settings.our_address.to_string(),
            families: settings.families().len(),
        })
    }

    async fn stop(self) -> Result<()> {
        self.daemon.stop().await
    }

    async fn suspend(&self, still: bool) -> Result<()> {
        self.daemon
            .signal(if still { Signal::Stop } else { Signal::Cont })
            .await
    }

    async fn established(&self) -> Result<bool> {
        Ok(at(&self.neighbor().await?, "/state/session_state") == 6)
    }

    async fn route(&self, prefix: &str) -> Result<Option<Received>> {
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        let question = ["neighbor", &self.peer, "adj-in", "-a", family];
        let shown = match self.ask(&question).await {
            Err(error) if error.to_string().contains("is not established") => return Ok(None),
            shown => shown?,
        };
        let path = shown.get(prefix).and_then(|paths| paths.get(0));
        path.map(received).transpose()
    }

    async fn updates(&self) -> Result<u64> {
        at(&self.neighbor().await?, "/state/messages/received/update")
            .as_u64()
            .context("update")
    }

    async fn ask_for_refresh(&self) -> Result<()> {
        bail!("GoBGP has no command for it")
    }

    async fn end_of_rib(&self) -> Result<bool> {
        let neighbor = self.neighbor().await?;
        let families = at(&neighbor, "/afi_safis")
            .as_array()
            .context("afi_safis")?;
        let seen =
            |family: &&Value| at(family, "/mp_graceful_restart/state/end_of_rib_received") == true;
        Ok(families.iter().filter(seen).count() == self.families)
    }

    async fn advertise(&self, route: &Originated) -> Result<()> {
        let Originated {
            prefix,
            next_hop,
            as_path,
        } = route;
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        let next_hop = next_hop.to_string();
        let mut words = vec!["global", "rib", "add", prefix, "nexthop", &next_hop];
        let path: Vec<_> = as_path.iter().map(u32::to_string).collect();
        let path = path.join(",");
        if !path.is_empty() {
            words.extend(["aspath", &path]);
        }
        words.extend(["-a", family]);
        self.tell(&words).await
    }

    async fn withdraw(&self, route: &Originated) -> Result<()> {
        let prefix = &route.prefix;
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        self.tell(&["global", "rib", "del", prefix, "-a", family])
            .await
    }

    async fn sessions(&self) -> Result<u64> {
        let log = self.log()?;
        Ok(log.matches("\"Peer Up\"").count() as u64)
    }

    async fn notified(&self) -> Result<Option<Notified>> {
        let log = self.log()?;
        let messages = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let received = |message: Value| {
            let body = at(&message, "/reason/BGPNotification/Body");
            let code = |name: &str| body.get(name)?.as_u64()?.try_into().ok();
            // Type 5: a NOTIFICATION was received.
            let is_received = at(&message, "/reason/Type") == 5;
            is_received.then_some(())?;
            Some((code("ErrorCode")?, code("ErrorSubcode")?))
        };
        Ok(messages.rev().find_map(received))
    }

    async fn parting_words(&self) -> Result<String> {
        let log = self.log()?;
        let last = log
            .lines()
            .rev()
            .find(|line| line.contains("received notification"));
        Ok(last.unwrap_or_default().to_owned())
    }

    async fn reset(&self) -> Result<()> {
        self.tell(&["neighbor", &self.peer, "reset"]).await
    }

    /// `disable` would be the command to stay away, and sends no words.
    async fn shut_down(&self, words: &str) -> Result<()> {
        let words = ["neighbor", &self.peer, "shutdown", "--reason", words];
        self.tell(&words).await
    }

    /// It does so of itself.
    async fn come_back(&self) -> Result<()> {
        Ok(())
    }
}

impl GoBgp {
    async fn neighbor(&self) -> Result<Value> {
        self.ask(&["neighbor", &self.peer]).await
    }

    fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join("gobgp.log"))?)
    }

    async fn tell(&self, words: &[&str]) -> Result<()> {
        let target = Command::new("gobgp").args(["--target", &api(&self.folder)]);
        target.args(words).output().await.map(drop)
    }

    async fn ask(&self, words: &[&str]) -> Result<Value> {
        let target = Command::new("gobgp").args(["--target", &api(&self.folder)]);
        Ok(serde_json::from_str(
            &target.args(words).arg("-j").output().await?,
        )?)
    }
}

fn api(folder: &Path) -> String {
    format!("unix://{}/gobgp.api", folder.display())
}

fn configuration(settings: &PeerSettings) -> String {
    let PeerSettings {
        address,
        asn,
        our_address,
        our_asn,
        hold_time,
        passive,
        ..
    } = settings;
    let port = if settings.listens { 179 } else { -1 };
    let password = settings.password.as_ref();
    let password = password.map_or_else(String::new, |password| {
        format!("auth-password = \"{password}\"\n")
    });
    let more = tables(settings);
    format!(
        "[global.config]\n\
         as = {asn}\n\
         router-id = \"{}\"\n\
         port = {port}\n\
         local-address-list = [\"{address}\"]\n\
         [[neighbors]]\n\
         [neighbors.config]\n\
         neighbor-address = \"{our_address}\"\n\
         peer-as = {our_asn}\n\
         {password}\
         [neighbors.timers.config]\n\
         connect-retry = 1\n\
         hold-time = {hold_time}\n\
         keepalive-interval = {}\n\
         [neighbors.transport.config]\n\
         passive-mode = {passive}\n\
         local-address = \"{address}\"\n\
         {more}",
        settings.identifier(),
        hold_time / 3,
    )
}

/// The tables that not all peers have.
fn tables(settings: &PeerSettings) -> String {
    let (restart, kept) = match settings.graceful_restart {
        true => (
            "[neighbors.graceful-restart.config]\nenabled = true\nrestart-time = 60\n",
            "[neighbors.afi-safis.mp-graceful-restart.config]\nenabled = true\n",
        ),
        false => ("", ""),
    };
    let reach = match settings.ttl_security_hops {
        Some(hops) => format!(
            "[neighbors.ttl-security.config]\nenabled = true\nttl-min = {}\n",
            256 - u16::from(hops)
        ),
        None if settings.multi_hop => {
            "[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 8\n".to_owned()
        }
        None => String::new(),
    };
    let families: String = settings
        .families()
        .iter()
        .map(|family| {
            format!(
                "[[neighbors.afi-safis]]\n\
                 [neighbors.afi-safis.config]\n\
                 afi-safi-name = \"{family}-unicast\"\n\
                 {kept}"
            )
        })
        .collect();
    format!("{reach}{restart}{families}")
}

/// Attribute types are numbers of RFC 4271 and its successors.
fn received(path: &Value) -> Result<Received> {
    let attributes = at(path, "/attrs").as_array().context("attrs")?;
    let attribute = |number: u64| {
        attributes
            .iter()
            .find(|attribute| at(attribute, "/type") == number)
    };
    let number = |value: &Value| value.as_u64().and_then(|value| u32::try_from(value).ok());
    let next_hop = attribute(14)
        .or_else(|| attribute(3))
        .context("no next hop")?;
    let segments = attribute(2)
        .and_then(|path| at(path, "/as_paths").as_array())
        .cloned()
        .unwrap_or_default();
    let numbers = segments
        .iter()
        .filter_map(|segment| at(segment, "/asns").as_array())
        .flatten();
    let origins = ["igp", "egp", "incomplete"];
    let origin = attribute(1)
        .and_then(|origin| at(origin, "/value").as_u64())
        .context("no origin")?;
    let communities = attribute(8)
        .and_then(|each| at(each, "/communities").as_array())
        .cloned();
    let large = attribute(32)
        .and_then(|each| at(each, "/value").as_array())
        .cloned();
    let large_text = |each: &Value| {
        format!(
            "{}:{}:{}",
            at(each, "/ASN"),
            at(each, "/LocalData1"),
            at(each, "/LocalData2")
        )
    };
    Ok(Received {
        next_hops: vec![
            at(next_hop, "/nexthop")
                .as_str()
                .context("nexthop")?
                .parse()?,
        ],
        as_path: numbers.filter_map(number).collect(),
        origin: origins
            .get(usize::try_from(origin)?)
            .copied()
            .unwrap_or_default()
            .to_owned(),
        local_pref: attribute(5).and_then(|preference| number(at(preference, "/value"))),
        communities: communities
            .unwrap_or_default()
            .iter()
            .filter_map(number)
            .map(|each| format!("{}:{}", each >> 16, each & 0xffff))
            .collect(),
        large_communities: large.unwrap_or_default().iter().map(large_text).collect(),
    })
}
