//! FRR: zebra and bgpd.

mod configuration;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::daemon::Signal;
use super::json::at;
use super::peer::{BfdPeer, BfdSettings, Notified, Originated};
use super::{Daemon, Namespace, Peer, PeerSettings, Received};
use crate::await_condition;
use crate::command::Command;
use crate::condition::Seen;

/// Where Debian and the images put the daemons.
const DAEMONS: &str = "/usr/lib/frr";

/// Without it FRR does not dial a peer that only the default route leads to.
const ZEBRA: &str = "ip nht resolve-via-default\nipv6 nht resolve-via-default\n";

/// A running FRR.
#[derive(Debug)]
pub struct Frr {
    zebra: Daemon,
    bgpd: Daemon,
    /// Only where the session has BFD.
    bfdd: Option<Daemon>,
    folder: PathBuf,
    peer: String,
    asn: u32,
    families: Vec<&'static str>,
}

impl Peer for Frr {
    const NAME: &'static str = "frr";
    const INSTALLS_ROUTES: bool = true;

    async fn start(namespace: &Namespace, folder: &Path, settings: &PeerSettings) -> Result<Self> {
        let own = folder.join("frr");
        std::fs::create_dir_all(&own)?;
        std::fs::write(own.join("zebra.conf"), ZEBRA)?;
        std::fs::write(own.join("bgpd.conf"), configuration::bgpd(settings))?;
        std::fs::write(
            own.join("bfdd.conf"),
            configuration::bfdd(settings.bfd.as_ref()),
        )?;
        // The daemons give up root before they make their sockets.
        let own_path = own.to_string_lossy().into_owned();
        Command::new("chown")
            .args(["-R", "frr:frr", &own_path])
            .output()
            .await?;
        let ready = own.join("zserv.api");
        // One that was killed leaves its socket, and a bgpd that meets nobody there asks again in 10 s.
        if ready.exists() {
            std::fs::remove_file(&ready)?;
        }
        let zebra = Daemon::start(daemon(namespace, &own, "zebra"), &folder.join("zebra.log"))?;
        await_condition("zebra listens", Duration::from_secs(20), async || {
            Ok(Seen::when(ready.exists(), ()))
        })
        .await?;
        let bfdd = match settings.bfd {
            None => None,
            Some(_) => {
                let mut bfdd = daemon(namespace, &own, "bfdd");
                bfdd.arg("--bfdctl").arg(own.join("bfdd.sock"));
                Some(Daemon::start(bfdd, &folder.join("bfdd.log"))?)
            }
        };
        let mut bgpd = daemon(namespace, &own, "bgpd");
        if !settings.listens {
            bgpd.args(["-p", "0"]);
        }
        let bgpd = Daemon::start(bgpd, &folder.join("bgpd.log"))?;
        Ok(Self {
            zebra,
            bgpd,
            bfdd,
            folder: own,
            peer: settings.our_name(),
            asn: settings.asn,
            families: settings.families(),
        })
    }

    async fn stop(self) -> Result<()> {
        self.bgpd.stop().await?;
        if let Some(bfdd) = self.bfdd {
            bfdd.stop().await?;
        }
        self.zebra.stop().await?;
        let _ = std::fs::remove_file(self.folder.join("zserv.api"));
        Ok(())
    }

    async fn suspend(&self, still: bool) -> Result<()> {
        self.bgpd
            .signal(if still { Signal::Stop } else { Signal::Cont })
            .await
    }

    async fn established(&self) -> Result<bool> {
        Ok(at(&self.neighbor().await?, "/bgpState") == "Established")
    }

    async fn route(&self, prefix: &str) -> Result<Option<Received>> {
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        let shown = self
            .ask(&format!("show bgp {family} unicast {prefix} json"))
            .await?;
        let path = at(&shown, "/paths/0");
        if path.is_null() {
            Ok(None)
        } else {
            received(path).map(Some)
        }
    }

    async fn updates(&self) -> Result<u64> {
        at(&self.neighbor().await?, "/messageStats/updatesRecv")
            .as_u64()
            .context("updatesRecv")
    }

    async fn ask_for_refresh(&self) -> Result<()> {
        for family in &self.families {
            let peer = &self.peer;
            self.ask(&format!("clear bgp {family} unicast {peer} soft in"))
                .await?;
        }
        Ok(())
    }

    /// From the log: its JSON has this only for peers with the graceful restart capability.
    async fn end_of_rib(&self) -> Result<bool> {
        let log = self.folder.with_file_name("bgpd.log");
        let log = std::fs::read_to_string(log)?;
        let seen = |family: &&str| {
            let family = family.replace("ip", "IP");
            log.contains(&format!("rcvd End-of-RIB for {family} Unicast"))
        };
        Ok(self.families.iter().all(seen))
    }

    /// The path is in the name of its route map, so that another path is another command.
    async fn advertise(&self, route: &Originated) -> Result<()> {
        let Originated {
            prefix, as_path, ..
        } = route;
        let path: Vec<_> = as_path.iter().map(u32::to_string).collect();
        let name = format!("path-{}", path.join("-"));
        let prepend = match path.is_empty() {
            true => "no set as-path prepend".to_owned(),
            false => format!("set as-path prepend {}", path.join(" ")),
        };
        let map = format!("route-map {name} permit 10");
        let network = format!("network {prefix} route-map {name}");
        self.configure(&[&map, &prepend]).await?;
        self.configure_network(prefix, &network).await
    }

    async fn withdraw(&self, route: &Originated) -> Result<()> {
        let command = format!("no network {}", route.prefix);
        self.configure_network(&route.prefix, &command).await
    }

    async fn sessions(&self) -> Result<u64> {
        at(&self.neighbor().await?, "/connectionsEstablished")
            .as_u64()
            .context("connectionsEstablished")
    }

    async fn notified(&self) -> Result<Option<Notified>> {
        let neighbor = self.neighbor().await?;
        if at(&neighbor, "/lastResetDueTo") != "BGP Notification received" {
            return Ok(None);
        }
        let pair = at(&neighbor, "/lastErrorCodeSubcode")
            .as_str()
            .context("lastErrorCodeSubcode")?;
        let number = u16::from_str_radix(pair, 16)?;
        let [code, subcode] = number.to_be_bytes();
        Ok(Some((code, subcode)))
    }

    async fn parting_words(&self) -> Result<String> {
        Ok(self.neighbor().await?.to_string())
    }

    async fn reset(&self) -> Result<()> {
        self.ask(&format!("clear bgp {}", self.peer))
            .await
            .map(drop)
    }

    async fn shut_down(&self, words: &str) -> Result<()> {
        let peer = &self.peer;
        let command = format!("neighbor {peer} shutdown message {words}");
        self.configure_router(&command).await
    }

    async fn come_back(&self) -> Result<()> {
        let command = format!("no neighbor {} shutdown", self.peer);
        self.configure_router(&command).await
    }
}

impl BfdPeer for Frr {
    const SPEAKS_BGP_WITHOUT_BFD: bool = true;

    async fn bfd_is_up(&self) -> Result<bool> {
        let shown = self.vtysh("bfdd", &["show bfd peers json"]).await?;
        let peers: Value = serde_json::from_str(&shown)?;
        Ok(at(&peers, "/0/status") == "up")
    }

    async fn change_bfd(&self, settings: &BfdSettings) -> Result<()> {
        let commands = configuration::bfdd(Some(settings));
        let commands = commands.lines().map(str::trim);
        let commands: Vec<_> = ["configure terminal"].into_iter().chain(commands).collect();
        self.vtysh("bfdd", &commands).await.map(drop)
    }

    async fn suspend_bfd(&self, still: bool) -> Result<()> {
        let bfdd = self.bfdd.as_ref().context("bfdd is not running")?;
        bfdd.signal(if still { Signal::Stop } else { Signal::Cont })
            .await
    }
}

impl Frr {
    /// Gives it a second neighbour.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn add_neighbor(&self, address: IpAddr, asn: u32) -> Result<()> {
        let router = format!("router bgp {}", self.asn);
        let neighbor = format!("neighbor {address} remote-as {asn}");
        let retry = format!("neighbor {address} timers connect 1");
        let activate = format!("neighbor {address} activate");
        let family = "address-family ipv4 unicast";
        self.configure(&[&router, &neighbor, &retry, family, &activate])
            .await
    }

    /// All paths to an IPv4 prefix, as it shows them.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn paths(&self, prefix: &str) -> Result<Value> {
        let shown = self
            .ask(&format!("show bgp ipv4 unicast {prefix} json"))
            .await?;
        Ok(at(&shown, "/paths").clone())
    }

    async fn neighbor(&self) -> Result<Value> {
        let shown = self
            .ask(&format!("show bgp neighbors {} json", self.peer))
            .await?;
        Ok(shown.get(&self.peer).cloned().unwrap_or_default())
    }

    async fn configure_network(&self, prefix: &str, command: &str) -> Result<()> {
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        let router = format!("router bgp {}", self.asn);
        let family = format!("address-family {family} unicast");
        self.configure(&[&router, &family, command]).await
    }

    async fn configure_router(&self, command: &str) -> Result<()> {
        let router = format!("router bgp {}", self.asn);
        self.configure(&[&router, command]).await
    }

    async fn configure(&self, commands: &[&str]) -> Result<()> {
        let commands: Vec<_> = ["configure terminal"]
            .iter()
            .chain(commands)
            .copied()
            .collect();
        self.vtysh("bgpd", &commands).await.map(drop)
    }

    /// Commands to one of the daemons, one after the other; what they print.
    async fn vtysh(&self, daemon: &str, commands: &[&str]) -> Result<String> {
        let vtysh = Command::new("vtysh").arg("--vty_socket").arg(&self.folder);
        let commands = commands.iter().flat_map(|command| ["-c", command]);
        vtysh.args(["-d", daemon]).args(commands).output().await
    }

    /// One command to bgpd; what it prints, when that is JSON.
    async fn ask(&self, command: &str) -> Result<Value> {
        let shown = self.vtysh("bgpd", &[command]).await?;
        if command.ends_with("json") {
            Ok(serde_json::from_str(&shown)?)
        } else {
            Ok(Value::Null)
        }
    }
}

fn daemon(namespace: &Namespace, folder: &Path, name: &str) -> std::process::Command {
    let mut command = namespace.enter(Path::new(DAEMONS).join(name));
    command.args([
        "-u",
        "frr",
        "-g",
        "frr",
        "-P",
        "0",
        "--log",
        "stdout",
        "--log-level",
        "debugging",
    ]);
    command.arg("-f").arg(folder.join(format!("{name}.conf")));
    command.arg("-i").arg(folder.join(format!("{name}.pid")));
    command
        .arg("-z")
        .arg(folder.join("zserv.api"))
        .arg("--vty_socket")
        .arg(folder);
    command
}

fn received(path: &Value) -> Result<Received> {
    let words = |value: &Value| -> Vec<String> {
        at(value, "/string")
            .as_str()
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let hops = at(path, "/nexthops").as_array().context("nexthops")?;
    let next_hops = hops
        .iter()
        .filter_map(|hop| at(hop, "/ip").as_str())
        .map(str::parse);
    let as_path = at(path, "/aspath/string").as_str().unwrap_or_default();
    let as_path = if as_path == "Local" { "" } else { as_path };
    Ok(Received {
        next_hops: next_hops.collect::<Result<_, _>>()?,
        as_path: as_path
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?,
        origin: at(path, "/origin")
            .as_str()
            .unwrap_or_default()
            .to_lowercase(),
        local_pref: at(path, "/locPrf")
            .as_u64()
            .and_then(|value| value.try_into().ok()),
        communities: words(at(path, "/community")),
        large_communities: words(at(path, "/largeCommunity")),
    })
}
