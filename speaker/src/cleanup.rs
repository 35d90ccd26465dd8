//! `herald-speaker cleanup`: the node as it was before it had a pod network of ours.

use std::io::{self, Write as _};

use anyhow::ensure;
use plan::CniConfig;

use crate::{
    capability,
    flags::{CleanupFlags, HostFlags},
    io::{
        bridge::{self, Bridge},
        cni, last_run, netlink, nft, snapshot,
        sysctl::{Folder, Originals},
    },
};

/// What was done, and what could not be done: a line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Report {
    done: Vec<String>,
    failed: Vec<String>,
}

/// Removes what the pod network made on this node, each part whatever becomes of the others. With `--hold` it then waits
/// for SIGTERM.
///
/// # Errors
/// Something could not be removed, or a capability is missing.
pub fn cleanup(flags: &CleanupFlags) -> anyhow::Result<()> {
    capability::network_may_be_changed()?;
    let mut report = Report::default();
    // No new pod is started while the rest goes.
    report.remove_cni(&flags.host);
    report.remove_table();
    report.remove_routes(&flags.host);
    report.remove_bridge();
    report.restore_settings(&flags.host);
    report.forget(&flags.host);
    report.print()?;
    let failed = report.failed.len();
    ensure!(
        failed == 0,
        "not everything is removed (failures: {failed}); mend what the lines above say and run it again"
    );
    if flags.hold {
        wait_for_the_end()?;
    }
    Ok(())
}

/// Removes what packets meet on the way to pods, on a node that has no pod network of ours any more. What cannot be
/// removed is told and left to `herald-speaker cleanup`.
pub(crate) fn leave(host: &HostFlags) {
    let mut report = Report::default();
    report.remove_table();
    report.remove_routes(host);
    report.forget(host);
    for line in &report.done {
        tracing::info!("{line}");
    }
    for line in &report.failed {
        tracing::warn!("{line}");
    }
}

fn wait_for_the_end() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = daemon::shutdown()?;
        stop.await;
        Ok(())
    })
}

impl Report {
    fn remove_cni(&mut self, host: &HostFlags) {
        let folders = cni::Folders {
            conf: host.cni_conf_dir.clone(),
            bin: host.cni_bin_dir.clone(),
        };
        let path = folders.conf.join(CniConfig::FILE);
        match folders.remove() {
            Ok(true) => self.done.push(format!("{} removed", path.display())),
            Ok(false) => {}
            Err(problem) => self.failed.push(problem.to_string()),
        }
    }

    fn remove_table(&mut self) {
        match nft::remove_table() {
            Ok(true) => self
                .done
                .push("nftables table inet herald removed".to_owned()),
            Ok(false) => {}
            Err(error) => self.failed.push(format!(
                "nftables table inet herald cannot be removed ({error})"
            )),
        }
    }

    fn remove_routes(&mut self, host: &HostFlags) {
        let protocol = host.route_protocol;
        match netlink::remove_all(protocol) {
            Ok(removed) => {
                let counts = [
                    (removed.routes, "routes"),
                    (removed.neighbors, "neighbour entries"),
                ];
                let some = counts.iter().filter(|(count, _)| *count > 0);
                self.done.extend(some.map(|(count, what)| {
                    format!("{what} of protocol {protocol} removed: {count}")
                }));
            }
            Err(error) => self.failed.push(format!(
                "routes of protocol {protocol} cannot be removed ({error})"
            )),
        }
    }

    fn remove_bridge(&mut self) {
        let name = CniConfig::BRIDGE;
        match bridge::remove() {
            Ok(Bridge::None) => {}
            Ok(Bridge::Removed) => self.done.push(format!("bridge {name} removed")),
            Ok(Bridge::InUse(ports)) => self.done.push(format!(
                "bridge {name} stays, as interfaces are attached to it ({ports}); delete the pods of this node and run \
                 this again, or leave it to the next boot"
            )),
            Err(error) => self.failed.push(format!("bridge {name} cannot be removed ({error})")),
        }
    }

    fn restore_settings(&mut self, host: &HostFlags) {
        let folder = Folder(host.sysctl_dir.clone());
        let (done, failed) = Originals(host.state_dir.clone()).restore(&folder);
        self.done.extend(done);
        self.failed.extend(failed);
    }

    /// What was kept for the next start.
    fn forget(&mut self, host: &HostFlags) {
        let folder = &host.state_dir;
        let files = [
            ("snapshot", snapshot::remove(folder)),
            ("sign of life", last_run::remove(folder)),
        ];
        for (what, removed) in files {
            let folder = folder.display();
            match removed {
                Ok(true) => self.done.push(format!("{what} in {folder} removed")),
                Ok(false) => {}
                Err(error) => self.failed.push(format!(
                    "the {what} in {folder} cannot be removed ({error})"
                )),
            }
        }
    }

    fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for line in &self.done {
            writeln!(out, "{line}")?;
        }
        if self.done.is_empty() && self.failed.is_empty() {
            writeln!(out, "nothing of Herald's pod network is on this node")?;
        }
        for line in &self.failed {
            eprintln!("{line}");
        }
        Ok(())
    }
}
