//! Keeps the kernel settings that the pod network needs.
//!
//! A setting that is wrong is set; what it was before is noted first, so that `herald-speaker cleanup` restores it. One
//! that cannot be set is reported (`KernelSettings`).

mod folder;
mod original;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use plan::{NetworkPlan, Setting};
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

pub(crate) use folder::Folder;
pub(crate) use original::Originals;

/// What a setting that somebody else changed is noticed after.
const INTERVAL: Duration = Duration::from_secs(60);
/// How to give what setting them ourselves takes.
const INSTALL: &str = "install deploy/herald-network.yaml, which lets the speaker do it";

/// What the driver needs.
pub(crate) struct Config {
    pub(crate) folder: Folder,
    pub(crate) originals: Originals,
    pub(crate) network: watch::Receiver<Arc<NetworkPlan>>,
    /// What is wrong and cannot be set: a sentence for each setting, with the remedy.
    pub(crate) problems: watch::Sender<Vec<String>>,
}

/// Runs until the plan's sender is gone.
pub(crate) async fn run(mut config: Config) {
    loop {
        let desired = config.network.borrow_and_update().settings.clone();
        let (folder, originals) = (config.folder.clone(), config.originals.clone());
        match spawn_blocking(move || reconcile(&folder, &originals, &desired)).await {
            Ok(problems) => publish(&config.problems, problems),
            Err(error) => tracing::error!(%error, "the kernel settings were not looked at"),
        }
        if next(&mut config.network).await.is_err() {
            return;
        }
    }
}

/// Waits for other settings, for the next look, or for the end.
async fn next(
    network: &mut watch::Receiver<Arc<NetworkPlan>>,
) -> Result<(), watch::error::RecvError> {
    let settings = network.borrow().settings.clone();
    let changed = network.wait_for(|plan| plan.settings != settings);
    match timeout(INTERVAL, changed).await {
        Ok(changed) => changed.map(drop),
        Err(_elapsed) => Ok(()),
    }
}

fn publish(sender: &watch::Sender<Vec<String>>, problems: Vec<String>) {
    sender.send_if_modified(|known| {
        let differs = *known != problems;
        if differs {
            for problem in &problems {
                tracing::warn!("kernel settings: {problem}");
            }
            *known = problems;
        }
        differs
    });
}

/// Sets what is wrong, in the order of the settings; gives what could not be set.
fn reconcile(folder: &Folder, originals: &Originals, desired: &BTreeSet<Setting>) -> Vec<String> {
    let problem = |setting| hold(folder, originals, setting).err();
    desired.iter().filter_map(problem).collect()
}

/// Makes one setting hold, or says why it does not.
fn hold(folder: &Folder, originals: &Originals, setting: &Setting) -> Result<(), String> {
    let paths = setting.paths();
    let mut values = Vec::new();
    for path in &paths {
        match folder.read(path) {
            Ok(Some(value)) => values.push(value),
            Ok(None) if setting.interface().is_some() => return Ok(()),
            Ok(None) => return Err(absent(setting, path)),
            Err(error) => {
                return Err(format!(
                    "{} cannot be read ({error}); {INSTALL}",
                    name(path)
                ));
            }
        }
    }
    let (Some(wanted), Some(path), Some(value)) =
        (setting.wanted(&values), paths.last(), values.last())
    else {
        return Ok(());
    };
    // Noted before it is changed: nobody could restore what nobody knows.
    originals.note(path, *value);
    match folder.write(path, wanted) {
        Ok(()) => {
            tracing::info!(
                "kernel settings: {} was {value} and is {wanted} now",
                name(path)
            );
            Ok(())
        }
        Err(error) => Err(format!(
            "{name} is {value} and must be {wanted}, and cannot be set ({error}); set it on the node (sysctl -w \
             {name}={wanted}, and in /etc/sysctl.d for the next boot), or {INSTALL}",
            name = name(path),
        )),
    }
}

/// The setting is none that this kernel has now.
fn absent(setting: &Setting, path: &str) -> String {
    let remedy = match setting {
        Setting::BridgeNetfilter(_) => {
            "kernel module br_netfilter is not loaded, without which a pod on the bridge cannot reach a pod of the same \
             node through a Service; load it on the node (modprobe br_netfilter, and in /etc/modules-load.d for the next \
             boot), or set spec.cni.type of the PodNetwork to PTP"
        }
        Setting::Forwarding(_)
        | Setting::AcceptRouterAdvertisements(_)
        | Setting::LooseReversePath(_) => {
            "the kernel has no such protocol, or /proc/sys is not where --sysctl-dir says; switch IPv6 on, or give the \
             cluster no pod ranges of it"
        }
    };
    format!("{} is not there: {remedy}", name(path))
}

/// The setting's name as sysctl(8) takes it: dots between the parts, and slashes where a part has dots.
pub(crate) fn name(path: &str) -> String {
    let swap = |letter| match letter {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    path.chars().map(swap).collect()
}

#[cfg(test)]
mod tests;
