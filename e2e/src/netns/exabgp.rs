//! ExaBGP. It keeps no table: what it received is read from the messages that it hands to its helper process.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::daemon::Signal;
use super::json::at;
use super::peer::{Notified, Originated};
use super::{Daemon, Namespace, Peer, PeerSettings, Received};

/// A running ExaBGP.
#[derive(Debug)]
pub struct ExaBgp {
    daemon: Daemon,
    folder: PathBuf,
    peer: String,
    asn: u32,
    /// Whether we are in its AS.
    internal: bool,
    families: Vec<&'static str>,
}

impl Peer for ExaBgp {
    const NAME: &'static str = "exabgp";

    async fn start(namespace: &Namespace, folder: &Path, settings: &PeerSettings) -> Result<Self> {
        let file = folder.join("exabgp.conf");
        std::fs::write(&file, configuration(folder, settings))?;
        for name in ["exabgp.commands", "exabgp.received.log"] {
            std::fs::write(folder.join(name), "")?;
        }
        let helper = folder.join("exabgp.sh");
        std::fs::write(&helper, helper_script(folder))?;
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755))?;
        let mut command = namespace.enter("exabgp");
        command.arg(&file).current_dir(folder);
        let set = [
            ("exabgp.daemon.drop", "false"),
            ("exabgp.daemon.user", "root"),
            ("exabgp.log.destination", "stdout"),
            ("exabgp.api.cli", "false"),
            ("exabgp.api.ack", "false"),
            (
                "exabgp.bgp.passive",
                if settings.passive { "true" } else { "false" },
            ),
        ];
        command.envs(set);
        if settings.listens {
            let address = settings.address.to_string();
            command.envs([
                ("exabgp.tcp.bind", address.as_str()),
                ("exabgp.tcp.port", "179"),
            ]);
        }
        let daemon = Daemon::start(command, &folder.join("exabgp.log"))?;
        Ok(Self {
            daemon,
            folder: folder.to_owned(),
            peer: settings.our_address.to_string(),
            asn: settings.asn,
            internal: settings.asn == settings.our_asn,
            families: settings.families(),
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
        let messages = self.messages()?;
        let mut states = messages
            .iter()
            .rev()
            .filter(|message| at(message, "/type") == "state");
        Ok(states
            .next()
            .is_some_and(|message| at(message, "/neighbor/state") == "up"))
    }

    async fn route(&self, prefix: &str) -> Result<Option<Received>> {
        let mut route = None;
        for message in self.messages()? {
            let update = at(&message, "/neighbor/message/update");
            if at(&message, "/neighbor/state") == "down" {
                route = None;
            }
            if mentions(at(update, "/withdraw"), prefix) {
                route = None;
            }
            for (next_hop, _) in announced(update).filter(|(_, routes)| mentions(routes, prefix)) {
                route = Some(received(next_hop, at(update, "/attribute"))?);
            }
        }
        Ok(route)
    }

    async fn updates(&self) -> Result<u64> {
        Ok(self
            .in_session()?
            .iter()
            .filter(|message| at(message, "/type") == "update")
            .count() as u64)
    }

    async fn ask_for_refresh(&self) -> Result<()> {
        self.families.iter().try_for_each(|family| {
            self.command(&format!("announce route-refresh {family} unicast"))
        })
    }

    async fn end_of_rib(&self) -> Result<bool> {
        let messages = self.in_session()?;
        let seen = |family: &&str| {
            messages
                .iter()
                .any(|message| at(message, "/neighbor/message/eor/afi") == *family)
        };
        Ok(self.families.iter().all(seen))
    }

    /// A path that it is told is the whole path.
    async fn advertise(&self, route: &Originated) -> Result<()> {
        let Originated {
            prefix,
            next_hop,
            as_path,
        } = route;
        let mut path: Vec<_> = as_path.iter().map(u32::to_string).collect();
        if !self.internal {
            path.insert(0, self.asn.to_string());
        }
        let path = path.join(" ");
        self.command(&format!(
            "announce route {prefix} next-hop {next_hop} as-path [ {path} ]"
        ))
    }

    async fn withdraw(&self, route: &Originated) -> Result<()> {
        let Originated {
            prefix, next_hop, ..
        } = route;
        self.command(&format!("withdraw route {prefix} next-hop {next_hop}"))
    }

    async fn sessions(&self) -> Result<u64> {
        let messages = self.messages()?;
        let up = messages
            .iter()
            .filter(|message| at(message, "/neighbor/state") == "up");
        Ok(up.count() as u64)
    }

    async fn notified(&self) -> Result<Option<Notified>> {
        let messages = self.messages()?;
        let received = messages.iter().rev().find_map(|message| {
            let notification = at(message, "/neighbor/notification");
            let code = |name: &str| notification.get(name)?.as_u64()?.try_into().ok();
            (at(message, "/neighbor/direction") == "receive").then_some(())?;
            Some((code("code")?, code("subcode")?))
        });
        Ok(received)
    }

    async fn parting_words(&self) -> Result<String> {
        bail!("ExaBGP cannot read any")
    }

    async fn reset(&self) -> Result<()> {
        self.command(&format!("neighbor {} teardown 4", self.peer))
    }

    async fn shut_down(&self, _words: &str) -> Result<()> {
        bail!("ExaBGP has no command for it")
    }

    async fn come_back(&self) -> Result<()> {
        bail!("ExaBGP has no command for it")
    }
}

impl ExaBgp {
    /// Gives it a command of its interface, for example `announce route ...`.
    ///
    /// # Errors
    /// When the file that its helper follows cannot be written.
    pub fn command(&self, command: &str) -> Result<()> {
        let file = self.folder.join("exabgp.commands");
        let mut commands = std::fs::OpenOptions::new().append(true).open(file)?;
        writeln!(commands, "{command}").context("write the command")
    }

    /// All messages of all sessions. The last line may still be in the making.
    fn messages(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.folder.join("exabgp.received.log"))?;
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    fn in_session(&self) -> Result<Vec<Value>> {
        let messages = self.messages()?;
        let start = messages
            .iter()
            .rposition(|message| at(message, "/neighbor/state") == "connected");
        Ok(messages
            .into_iter()
            .skip(start.unwrap_or_default())
            .collect())
    }
}

/// Standard input of the helper is what ExaBGP received, its standard output what it should do.
fn helper_script(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "#!/bin/sh\n\
         tail -f -n +1 {folder}/exabgp.commands &\n\
         exec cat >> {folder}/exabgp.received.log\n"
    )
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
    if settings.passive {
        options.push_str("  passive;\n");
    }
    match settings.ttl_security_hops {
        Some(hops) => {
            let least = 256 - u16::from(hops);
            options.push_str(&format!("  outgoing-ttl 255;\n  incoming-ttl {least};\n"));
        }
        None if settings.multi_hop => options.push_str("  outgoing-ttl 8;\n"),
        None => {}
    }
    let families: String = settings
        .families()
        .iter()
        .map(|family| format!("{family} unicast; "))
        .collect();
    if let Some(password) = &settings.password {
        options.push_str(&format!("  md5-password \"{password}\";\n"));
    }
    format!(
        "process harness {{\n  run {}/exabgp.sh;\n  encoder json;\n}}\n\
         neighbor {our_address} {{\n\
         \x20 router-id {};\n\
         \x20 local-address {address};\n\
         \x20 local-as {asn};\n\
         \x20 peer-as {our_asn};\n\
         \x20 hold-time {hold_time};\n\
         {options}\
         \x20 capability {{ route-refresh enable; asn4 enable; }}\n\
         \x20 family {{ {families}}}\n\
         \x20 api {{\n    processes [ harness ];\n    neighbor-changes;\n\
         \x20   receive {{ parsed; update; notification; }}\n  }}\n\
         }}\n",
        folder.display(),
        settings.identifier(),
    )
}

/// Pairs of next hop and the routes that have it, of both families.
fn announced(update: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let families = at(update, "/announce")
        .as_object()
        .into_iter()
        .flat_map(|families| families.values());
    families
        .filter_map(Value::as_object)
        .flatten()
        .map(|(next_hop, routes)| (next_hop.as_str(), routes))
}

/// Whether a prefix stands in a part of an UPDATE.
fn mentions(part: &Value, prefix: &str) -> bool {
    match part {
        Value::Object(fields) => fields.values().any(|field| mentions(field, prefix)),
        Value::Array(items) => items.iter().any(|item| mentions(item, prefix)),
        Value::String(text) => text == prefix,
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn received(next_hop: &str, attributes: &Value) -> Result<Received> {
    let items = |name: &str| {
        attributes
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let number = |value: &Value| value.as_u64().and_then(|value| u32::try_from(value).ok());
    let tuple = |item: &Value| {
        let parts = item.as_array().cloned().unwrap_or_default();
        parts
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(":")
    };
    Ok(Received {
        next_hops: vec![next_hop.parse()?],
        as_path: items("as-path").iter().filter_map(number).collect(),
        origin: at(attributes, "/origin")
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        local_pref: number(at(attributes, "/local-preference")),
        communities: items("community").iter().map(tuple).collect(),
        large_communities: items("large-community").iter().map(tuple).collect(),
    })
}
