//! What a node looks like where others than Herald have a say: to be compared before and after.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::node::Node;

/// What others have made of a node: routes, nftables, kernel settings, CNI folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    parts: BTreeMap<String, Vec<String>>,
}

/// Each part's name, and the script that prints it. Herald's own routes and table are left out, and so is what
/// kube-proxy and the portmap plugin write anew at any time, and what a pod's interface comes and goes with.
const PARTS: [(&str, &str); 4] = [
    (
        "routes",
        "for family in -4 -6; do ip $family route show table all; done \
         | grep -vE 'proto 158|dev (veth|cni|herald)|^(local|anycast|multicast) ' \
         | sed -E 's/ (expires [0-9]+sec|linkdown)//g; s/ +$//'",
    ),
    (
        "nftables",
        "nft list tables | grep -vE '(kube-proxy|inet herald)$|^table ip6? (nat|filter|mangle)$' \
         | while read -r _ table; do nft list table $table | sed -E 's/ counter packets.*//'; done",
    ),
    (
        "settings",
        "sysctl -a 2> /dev/null \
         | grep -E '^net\\.(ipv4\\.ip_forward|ipv[46]\\.conf\\.(all|default|eth[0-2]|lo)\\.(forwarding|rp_filter|accept_ra)|bridge\\..*) '",
    ),
    (
        "cni",
        "cd /etc/cni/net.d 2> /dev/null && for file in $(ls -A); do echo \"== $file\"; cat \"$file\"; echo; done; true",
    ),
];

impl Snapshot {
    /// What the node looks like now.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(node: Node) -> Result<Self> {
        let mut parts = BTreeMap::new();
        for (name, script) in PARTS {
            let output = node.machine.exec(&["bash", "-c", script]).await?;
            let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
            if name == "routes" {
                lines.sort();
            }
            parts.insert(name.to_owned(), lines);
        }
        Ok(Self { parts })
    }

    /// Requires that nothing has changed; tells each line that is more or fewer.
    ///
    /// # Errors
    /// When something has.
    pub fn ensure_same(&self, now: &Self, node: Node) -> Result<()> {
        let mut changes = Vec::new();
        for (name, before) in &self.parts {
            let after = now.parts.get(name).map(Vec::as_slice).unwrap_or_default();
            let gone = before.iter().filter(|line| !after.contains(line));
            let new = after.iter().filter(|line| !before.contains(line));
            changes.extend(gone.map(|line| format!("{name}: - {line}")));
            changes.extend(new.map(|line| format!("{name}: + {line}")));
        }
        ensure!(
            changes.is_empty(),
            "{} is not as it was:\n{}",
            node.name(),
            changes.join("\n")
        );
        Ok(())
    }

    /// Sets the kernel settings as they were.
    ///
    /// # Errors
    /// When the kernel refuses one.
    pub async fn set_settings(&self, node: Node) -> Result<()> {
        let settings = self.parts.get("settings").into_iter().flatten();
        node.machine
            .command("sysctl")
            .arg("-qw")
            .args(settings.map(|line| line.replace(' ', "")))
            .output()
            .await?;
        Ok(())
    }

    /// Keeps it in a file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(
            path,
            serde_json::to_string_pretty(&self.parts)?,
        )?)
    }

    /// What the node looked like before Herald came, in a lab whose pod network is Herald's.
    ///
    /// # Errors
    /// When the lab was started without keeping it.
    pub fn untouched(node: Node) -> Result<Self> {
        let text = std::fs::read_to_string(crate::state::untouched(node.name()))?;
        Ok(Self {
            parts: serde_json::from_str(&text)?,
        })
    }
}
