//! BIRD 2.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::daemon::Signal;
use super::peer::{BfdPeer, BfdSettings, Notified, Originated};
use super::{Daemon, Namespace, Peer, PeerSettings, Received};
use crate::command::Command;

/// File of what changes while it runs.
const BFD: &str = "bird.bfd";

/// A running BIRD.
#[derive(Debug)]
pub struct Bird {
    daemon: Daemon,
    folder: PathBuf,
    families: usize,
}

impl Peer for Bird {
    const NAME: &'static str = "bird";
    const INSTALLS_ROUTES: bool = true;

    async fn start(namespace: &Namespace, folder: &Path, settings: &PeerSettings) -> Result<Self> {
        Self::run(namespace, folder, settings, &[])
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
        let shown = self.ask(&["show", "protocols", "p"]).await?;
        Ok(shown.contains("Established"))
    }

    async fn route(&self, prefix: &str) -> Result<Option<Received>> {
        let question = ["show", "route", prefix, "protocol", "p", "all"];
        match self.ask(&question).await {
            Ok(shown) if shown.contains("BGP.as_path") => received(&shown).map(Some),
            Ok(_) => Ok(None),
            Err(error) if error.to_string().contains("Network not found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn updates(&self) -> Result<u64> {
        let shown = self.ask(&["show", "protocols", "all", "p"]).await?;
        let lines = shown
            .lines()
            .filter(|line| line.contains("Import updates:"));
        Ok(lines
            .filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok())
            .sum())
    }

    async fn ask_for_refresh(&self) -> Result<()> {
        self.ask(&["reload", "in", "p"]).await.map(drop)
    }

    async fn end_of_rib(&self) -> Result<bool> {
        Ok(self.log()?.matches("Got END-OF-RIB").count() >= self.families)
    }

    async fn advertise(&self, route: &Originated) -> Result<()> {
        let Originated {
            prefix, as_path, ..
        } = route;
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        let prepends = as_path.iter().rev();
        let prepends = prepends.map(|asn| format!("bgp_path.prepend({asn}); "));
        let text = format!(
            "protocol static {{ {family}; route {prefix} blackhole {{ {} }}; }}\n",
            prepends.collect::<String>()
        );
        std::fs::write(self.route_file(prefix), text)?;
        self.ask(&["configure"]).await.map(drop)
    }

    async fn withdraw(&self, route: &Originated) -> Result<()> {
        std::fs::remove_file(self.route_file(&route.prefix))?;
        self.ask(&["configure"]).await.map(drop)
    }

    async fn sessions(&self) -> Result<u64> {
        Ok(self.log()?.matches("> p: BGP session established").count() as u64)
    }

    async fn notified(&self) -> Result<Option<Notified>> {
        let log = self.log()?;
        let last = log
            .lines()
            .rev()
            .find_map(|line| line.split_once("> p: Received: "));
        let Some((_, reason)) = last else {
            return Ok(None);
        };
        let known = [
            ("Maximum number of prefixes reached", (6, 1)),
            ("Administrative shutdown", (6, 2)),
            ("Peer de-configured", (6, 3)),
            ("Administrative reset", (6, 4)),
            ("Connection rejected", (6, 5)),
            ("Other configuration change", (6, 6)),
            ("Connection collision resolution", (6, 7)),
            ("BFD session down", (6, 10)),
            ("Hold timer expired", (4, 0)),
        ];
        let known = known.iter().find(|(words, _)| reason.starts_with(words));
        known
            .map(|(_, notified)| Some(*notified))
            .with_context(|| format!("unknown reason: {reason}"))
    }

    async fn parting_words(&self) -> Result<String> {
        let log = self.log()?;
        let last = log
            .lines()
            .rev()
            .find(|line| line.contains("> p: Received: "));
        Ok(last.unwrap_or_default().to_owned())
    }

    async fn reset(&self) -> Result<()> {
        self.ask(&["restart", "p"]).await.map(drop)
    }

    async fn shut_down(&self, words: &str) -> Result<()> {
        let words = format!("\"{words}\"");
        self.ask(&["disable", "p", &words]).await.map(drop)
    }

    async fn come_back(&self) -> Result<()> {
        self.ask(&["enable", "p"]).await.map(drop)
    }
}

impl BfdPeer for Bird {
    const SPEAKS_BGP_WITHOUT_BFD: bool = false;

    async fn bfd_is_up(&self) -> Result<bool> {
        let shown = self.ask(&["show", "bfd", "sessions"]).await?;
        Ok(shown.split_whitespace().any(|word| word == "Up"))
    }

    async fn change_bfd(&self, settings: &BfdSettings) -> Result<()> {
        std::fs::write(self.folder.join(BFD), bfd(Some(settings)))?;
        self.ask(&["configure"]).await.map(drop)
    }

    async fn suspend_bfd(&self, still: bool) -> Result<()> {
        self.suspend(still).await
    }
}

impl Bird {
    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(self) -> Result<()> {
        self.daemon.kill().await
    }

    /// Starts it where one was killed that has left its routes (RFC 4724 section 4.1).
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn recover(
        namespace: &Namespace,
        folder: &Path,
        settings: &PeerSettings,
    ) -> Result<Self> {
        Self::run(namespace, folder, settings, &["-R"])
    }

    fn run(
        namespace: &Namespace,
        folder: &Path,
        settings: &PeerSettings,
        more: &[&str],
    ) -> Result<Self> {
        let file = folder.join("bird.conf");
        std::fs::create_dir_all(folder.join("bird.routes"))?;
        std::fs::write(&file, configuration(folder, settings))?;
        std::fs::write(folder.join(BFD), bfd(settings.bfd.as_ref()))?;
        let mut command = namespace.enter("bird");
        command
            .args(more)
            .arg("-f")
            .arg("-c")
            .arg(&file)
            .arg("-s")
            .arg(folder.join("bird.ctl"));
        command.arg("-P").arg(folder.join("bird.pid"));
        let daemon = Daemon::start(command, &folder.join("bird.out.log"))?;
        Ok(Self {
            daemon,
            folder: folder.to_owned(),
            families: settings.families().len(),
        })
    }

    async fn ask(&self, words: &[&str]) -> Result<String> {
        let socket = self.folder.join("bird.ctl");
        Command::new("birdc")
            .arg("-s")
            .arg(socket)
            .args(words)
            .output()
            .await
    }

    fn route_file(&self, prefix: &str) -> PathBuf {
        let name = prefix.replace(['/', ':'], "-");
        self.folder.join(format!("bird.routes/{name}.conf"))
    }

    fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join("bird.log"))?)
    }
}

fn configuration(folder: &Path, settings: &PeerSettings) -> String {
    let PeerSettings {
        address,
        asn,
        our_address,
        our_asn,
        hold_time,
        ..
    } = settings;
    let mut options = String::new();
    match (settings.bfd, settings.bfd_heeds_restart) {
        (Some(_), true) => options.push_str("  bfd graceful;\n"),
        (Some(_), false) => options.push_str("  bfd on;\n"),
        (None, _) => {}
    }
    if settings.passive {
        options.push_str("  passive on;\n");
    }
    // With TTL security the number of hops is what a packet may have come.
    match settings.ttl_security_hops {
        Some(1) => options.push_str("  direct;\n  ttl security on;\n"),
        Some(hops) => options.push_str(&format!("  multihop {hops};\n  ttl security on;\n")),
        None if settings.multi_hop => options.push_str("  multihop 8;\n"),
        None => options.push_str("  direct;\n"),
    }
    if settings.graceful_restart {
        options.push_str("  graceful restart on;\n");
    }
    if let Some(password) = &settings.password {
        options.push_str(&format!("  password \"{password}\";\n"));
    }
    for family in settings.families() {
        let mut hops = settings.next_hops.iter();
        let hop = hops.find(|hop| hop.is_ipv4() == (family == "ipv4"));
        let hop = hop.map_or_else(String::new, |hop| format!("next hop address {hop}; "));
        let channel = format!("{{ import all; export where source = RTS_STATIC; {hop}}}");
        options.push_str(&format!("  {family} {channel};\n"));
    }
    let log = folder.join("bird.log");
    format!(
        "log \"{}\" all;\n\
         router id {};\n\
         debug protocols {{ states, events, packets }};\n\
         protocol device {{ }}\n\
         protocol kernel {{ ipv4 {{ export where source = RTS_BGP; }}; }}\n\
         protocol kernel {{ ipv6 {{ export where source = RTS_BGP; }}; }}\n\
         protocol bgp p {{\n\
         \x20 local {address} as {asn};\n\
         \x20 neighbor {our_address} as {our_asn};\n\
         \x20 hold time {hold_time};\n\
         \x20 connect delay time 0;\n\
         \x20 connect retry time 1;\n\
         \x20 error wait time 1, 2;\n\
         {options}\
         }}\n\
         include \"{}/bird.routes/*.conf\";\n\
         include \"{}/{BFD}\";\n",
        log.display(),
        settings.identifier(),
        folder.display(),
        folder.display(),
    )
}

fn bfd(settings: Option<&BfdSettings>) -> String {
    let Some(settings) = settings else {
        return String::new();
    };
    let BfdSettings {
        transmit,
        receive,
        multiplier,
    } = settings;
    let timers = format!(
        "min tx interval {transmit} ms; min rx interval {receive} ms; idle tx interval 1 s; multiplier {multiplier};"
    );
    format!("protocol bfd {{ interface \"*\" {{ {timers} }}; multihop {{ {timers} }}; }}\n")
}

/// From the text of `show route all`, which has one attribute a line.
fn received(shown: &str) -> Result<Received> {
    let field = |name: &str| {
        let name = format!("BGP.{name}: ");
        shown
            .lines()
            .find_map(|line| line.trim().strip_prefix(name.as_str()).map(str::to_owned))
    };
    let numbers = |text: String| {
        text.split_whitespace()
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>()
    };
    let tuples = |text: Option<String>, keep_blanks: bool| {
        let text = text.unwrap_or_default();
        let split = if keep_blanks {
            text.replace(", ", ":")
        } else {
            text.replace(',', ":")
        };
        split
            .split_whitespace()
            .map(|each| each.trim_matches(['(', ')']).to_owned())
            .collect()
    };
    let next_hops = field("next_hop").context("no next hop")?;
    Ok(Received {
        next_hops: next_hops
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?,
        as_path: numbers(field("as_path").unwrap_or_default())?,
        origin: field("origin").unwrap_or_default().to_lowercase(),
        local_pref: field("local_pref").map(|text| text.parse()).transpose()?,
        communities: tuples(field("community"), false),
        large_communities: tuples(field("large_community"), true),
    })
}
