//! Namespaces that belong together, and the folder of what runs in them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use super::namespace::{Namespace, ip, remove};
use super::stale::{folder, remove_stale, run_name};

static COUNTER: AtomicU32 = AtomicU32::new(1);

/// Some hosts and their wires. Gone when dropped.
#[derive(Debug)]
pub struct Network {
    folder: PathBuf,
    namespaces: Vec<String>,
}

/// One end of a wire: interface name and addresses with prefix length.
type End<'a> = (&'a Namespace, &'a str, &'a [(IpAddr, u8)]);

impl Network {
    /// An empty network; removes what killed runs left.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn create() -> Result<Self> {
        static STALE: std::sync::Once = std::sync::Once::new();
        STALE.call_once(|| {
            let _ = remove_stale();
        });
        let folder = folder(&format!(
            "{}-{}",
            run_name(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir(&folder).with_context(|| format!("make {}", folder.display()))?;
        Ok(Self {
            folder,
            namespaces: Vec::new(),
        })
    }

    /// Folder for configurations, sockets and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new host.
    ///
    /// # Errors
    /// When this process may not make namespaces.
    pub async fn namespace(&mut self) -> Result<Namespace> {
        let name = format!("{}-{}", run_name(), COUNTER.fetch_add(1, Ordering::Relaxed));
        self.namespaces.push(name.clone());
        Namespace::create(name).await
    }

    /// A wire between two hosts.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub async fn link(&self, left: End<'_>, right: End<'_>) -> Result<()> {
        let (ends, peer) = (
            ["link", "add", left.1, "netns", left.0.name()],
            ["type", "veth", "peer", "name"],
        );
        ip(&[ends.as_slice(), &peer, &[right.1, "netns", right.0.name()]].concat()).await?;
        left.0.bring_up(left.1, left.2).await?;
        right.0.bring_up(right.1, right.2).await
    }

    /// The last lines of every log, for the report of a failure.
    #[must_use]
    pub fn logs(&self, lines: usize) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let log = std::fs::read(&path).unwrap_or_default();
                let log = String::from_utf8_lossy(&log);
                let tail: Vec<_> = log.lines().rev().take(lines).collect();
                text.push_str(&format!("--- {}\n", entry.file_name().to_string_lossy()));
                tail.iter()
                    .rev()
                    .for_each(|line| text.push_str(&format!("{line}\n")));
            }
        }
        text
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.namespaces.iter().for_each(|name| remove(name));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
