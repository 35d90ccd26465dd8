//! Keeps the CNI configuration: one file of ours in the folder that the container runtime reads.
//!
//! A runtime takes the first configuration that it finds, so ours is written only where there is no other, and never
//! over one. It is removed only when another has taken its place: a node without any could start no pod.

mod folder;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use model::CniType;
use plan::{Cni, CniConfig, NetworkPlan};
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

pub(crate) use folder::Folders;

use super::bridge::{self, Bridge};

/// What removed or foreign files are noticed after.
const INTERVAL: Duration = Duration::from_secs(10);

/// What the driver needs.
pub(crate) struct Config {
    pub(crate) folders: Folders,
    pub(crate) network: watch::Receiver<Arc<NetworkPlan>>,
    pub(crate) state: watch::Sender<CniState>,
}

/// What became of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CniState {
    /// A configuration of ours is to be there, or is still there.
    pub(crate) applies: bool,
    /// Pods can be started with it.
    pub(crate) ready: bool,
    /// Reason of condition CNIReady; empty when nothing applies.
    pub(crate) reason: &'static str,
    /// A sentence for people, with the remedy.
    pub(crate) message: String,
    /// A file of ours is in the folder.
    pub(crate) held: bool,
}

/// Runs until the plan's sender is gone.
pub(crate) async fn run(mut config: Config) {
    let mut bridge_is_gone = false;
    loop {
        let desired = config.network.borrow_and_update().cni.clone();
        let kind = match &desired {
            Cni::Install(config) => Some(config.kind),
            Cni::Untouched | Cni::Absent | Cni::NoPodCidr => None,
        };
        let folders = config.folders.clone();
        match spawn_blocking(move || reconcile(&folders, &desired)).await {
            Ok(state) => publish(&config.state, state),
            Err(error) => tracing::error!(%error, "the CNI folder was not looked at"),
        }
        match kind {
            Some(CniType::Ptp) if !bridge_is_gone => bridge_is_gone = remove_bridge().await,
            Some(CniType::Ptp) | None => {}
            Some(CniType::Bridge) => bridge_is_gone = false,
        }
        if let Ok(Err(_gone)) = timeout(INTERVAL, config.network.changed()).await {
            return;
        }
    }
}

/// Removes the bridge of an earlier `cni.type`, once no pod is attached to it; its route to all of the node's pods would
/// stay for ever. Says whether there is none any more.
async fn remove_bridge() -> bool {
    match spawn_blocking(bridge::remove).await {
        Ok(Ok(Bridge::None)) => true,
        Ok(Ok(Bridge::Removed)) => {
            tracing::info!("removed the bridge that no pod uses any more");
            true
        }
        Ok(Ok(Bridge::InUse(_))) => false,
        Ok(Err(error)) => {
            tracing::debug!(%error, "cannot look for a bridge that is not used any more");
            false
        }
        Err(error) => {
            tracing::error!(%error, "nobody looked for a bridge that is not used any more");
            true
        }
    }
}

fn publish(sender: &watch::Sender<CniState>, state: CniState) {
    sender.send_if_modified(|known| {
        let differs = *known != state;
        if differs {
            match state.ready || !state.applies {
                true => tracing::info!(reason = state.reason, "CNI: {}", state.message),
                false => tracing::warn!(reason = state.reason, "CNI: {}", state.message),
            }
            *known = state;
        }
        differs
    });
}

/// Observes the folder, and makes it what it should be as far as nobody else's file is in the way.
fn reconcile(folders: &Folders, desired: &Cni) -> CniState {
    let observed = match folders.observe() {
        Ok(observed) => observed,
        Err(problem) => return problem.state(desired),
    };
    match desired {
        Cni::Untouched => CniState {
            held: observed.ours.is_some(),
            ..CniState::default()
        },
        Cni::Absent => remove(folders, &observed),
        Cni::NoPodCidr => CniState::not_ready(
            "NoPodCIDR",
            "the Node has no spec.podCIDRs, and without it pods get no addresses; let the controller manager give them \
             (--allocate-node-cidrs and --cluster-cidr; kubeadm: networking.podSubnet)"
                .to_owned(),
            &observed,
        ),
        Cni::Install(config) => install(folders, &observed, config),
    }
}

/// What is in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Observed {
    /// The text of our file.
    ours: Option<String>,
    /// Names of configurations that are not ours, sorted.
    foreign: Vec<String>,
}

fn remove(folders: &Folders, observed: &Observed) -> CniState {
    if observed.ours.is_none() {
        return CniState::default();
    }
    if observed.foreign.is_empty() {
        return CniState {
            applies: true,
            ready: true,
            reason: "Kept",
            message: format!(
                "{} stays until another CNI configuration is in {}, as the node could start no pod without any",
                CniConfig::FILE,
                folders.conf.display()
            ),
            held: true,
        };
    }
    match folders.remove() {
        Ok(_removed) => CniState::default(),
        Err(problem) => problem.state_of(observed),
    }
}

fn install(folders: &Folders, observed: &Observed, config: &CniConfig) -> CniState {
    if !observed.foreign.is_empty() {
        return CniState::not_ready("ForeignConfiguration", foreign(folders, observed), observed);
    }
    let missing = folders.missing(&config.plugins());
    if !missing.is_empty() {
        let message = format!(
            "{} missing in {}; install the CNI plugins there (package containernetworking-plugins or kubernetes-cni, or \
             the archive of github.com/containernetworking/plugins), or name the folder that has them by --cni-bin-dir",
            are(&missing),
            folders.bin.display()
        );
        return CniState::not_ready("PluginMissing", message, observed);
    }
    let text = config.text();
    if observed.ours.as_ref() != Some(&text)
        && let Err(problem) = folders.write(&text)
    {
        return problem.state_of(observed);
    }
    CniState {
        applies: true,
        ready: true,
        reason: "Installed",
        message: format!("{} is in {}", CniConfig::FILE, folders.conf.display()),
        held: true,
    }
}

fn foreign(folders: &Folders, observed: &Observed) -> String {
    let consequence = match observed.ours {
        Some(_) => "beside Herald's, and the runtime takes the first by name",
        None => "and Herald writes none beside it",
    };
    format!(
        "{} in {}, {consequence}; remove it if Herald is to be the pod network (restart the pods that it attached), or \
         set spec.cni.install of the PodNetwork to false, or spec.mode to Advertise",
        are(&observed.foreign),
        folders.conf.display()
    )
}

/// `a is`, `a, b are`; at most five names.
fn are(names: &[String]) -> String {
    let shown = names.get(..5).unwrap_or(names).join(", ");
    match names.len() {
        1 => format!("{shown} is"),
        2..=5 => format!("{shown} are"),
        more => format!("{shown} and {} more are", more - 5),
    }
}

impl CniState {
    fn not_ready(reason: &'static str, message: String, observed: &Observed) -> Self {
        Self {
            applies: true,
            ready: false,
            reason,
            message,
            held: observed.ours.is_some(),
        }
    }
}

/// Why the folder could not be read or changed (`NotWritable`).
#[derive(Debug)]
pub(crate) struct Problem {
    path: PathBuf,
    verb: &'static str,
    error: std::io::Error,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, verb, error } = self;
        write!(
            f,
            "{} cannot be {verb} ({error}); the folder has to be mounted writable, as deploy/herald-network.yaml does, \
             or named by --cni-conf-dir where the container runtime has another",
            path.display()
        )
    }
}

impl Problem {
    /// When the folder could not even be read.
    fn state(&self, desired: &Cni) -> CniState {
        match desired {
            Cni::Untouched | Cni::Absent => CniState::default(),
            Cni::NoPodCidr | Cni::Install(_) => self.state_of(&Observed::default()),
        }
    }

    fn state_of(&self, observed: &Observed) -> CniState {
        CniState::not_ready("NotWritable", self.to_string(), observed)
    }
}

#[cfg(test)]
mod tests;
