//! The container engine: found, or started by us when nothing answers.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::artifact;
use crate::command::Command;
use crate::condition::{Seen, await_condition};
use crate::docker::docker;

/// Where an engine that we started keeps its sockets; gone with the machine's next start.
const RUN_FOLDER: &str = "/run/herald-lab-docker";

/// Starts `dockerd` unless an engine answers already.
pub(crate) async fn ensure() -> Result<()> {
    if answers().await {
        return Ok(());
    }
    stop().await?;
    let data = data_folder();
    std::fs::create_dir_all(&data)?;
    let log_path = data.join("dockerd.log");
    let log = std::fs::File::create(&log_path)?;
    let mut dockerd = std::process::Command::new("setsid");
    dockerd
        .args(["dockerd", "--data-root"])
        .arg(data.join("data"))
        .args(["--exec-root", RUN_FOLDER, "--pidfile"])
        .arg(pid_file())
        // The lab's networks need neither a bridge of the engine's own nor packet filter rules on this machine.
        .args(["--bridge=none", "--iptables=false", "--ip-masq=false"]);
    if !may_set_resource_limits()? {
        let wrapper = artifact::root().join("e2e/images/node/runc-caps");
        dockerd
            .arg("--add-runtime")
            .arg(format!("caps={}", wrapper.display()))
            .args(["--default-runtime", "caps"]);
    }
    let mut child = dockerd
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("start dockerd")?;
    await_condition("dockerd answers", Duration::from_secs(60), async || {
        if let Some(status) = child.try_wait()?.filter(|status| !status.success()) {
            return Ok(Seen::Not(format!("dockerd ended with {status}")));
        }
        Ok(Seen::when(answers().await, ()))
    })
    .await
    .with_context(|| format!("see {}", log_path.display()))
}

/// Stops the engine if we started it, and ends what a killed one has left running.
pub(crate) async fn stop() -> Result<()> {
    if let Ok(pid) = std::fs::read_to_string(pid_file()) {
        let pid = pid.trim().to_owned();
        // After a crash the number may belong to another program by now.
        let is_dockerd = std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|name| name.trim() == "dockerd");
        if is_dockerd {
            Command::new("kill").arg(&pid).output().await?;
            await_condition("dockerd has ended", Duration::from_secs(60), async || {
                let alive = Path::new(&format!("/proc/{pid}/exe")).exists();
                Ok(Seen::when(!alive, ()))
            })
            .await?;
        }
        let _ = std::fs::remove_file(pid_file());
    }
    stop_orphaned_containerd().await?;
    end_orphans()?;
    let _ = std::fs::remove_dir_all(RUN_FOLDER);
    remove_traces().await;
    Ok(())
}

/// The engine's mount of its data folder, and control groups that are empty now.
async fn remove_traces() {
    let data = data_folder().join("data");
    while Command::new("umount").arg(&data).succeeds().await {}
    // Those of a container that runs cannot be removed.
    let script = "find /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker -mindepth 1 -depth -type d -exec rmdir {} +";
    Command::new("bash").args(["-c", script]).succeeds().await;
}

/// A killed dockerd leaves its own containerd behind, known by the folder in its command line.
async fn stop_orphaned_containerd() -> Result<()> {
    let pid_path = Path::new(RUN_FOLDER).join("containerd/containerd.pid");
    let Ok(pid) = std::fs::read_to_string(pid_path) else {
        return Ok(());
    };
    let pid = pid.trim();
    let command_line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if command_line.contains(RUN_FOLDER) {
        Command::new("kill").arg("-9").arg(pid).output().await?;
    }
    Ok(())
}

/// Containers outlive a killed engine; their processes are known by the container's name in their cgroup.
fn end_orphans() -> Result<()> {
    let Ok(containers) = std::fs::read_dir(data_folder().join("data/containers")) else {
        return Ok(());
    };
    let containers: Vec<String> = containers
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for process in std::fs::read_dir("/proc")?.flatten() {
        let cgroup = std::fs::read_to_string(process.path().join("cgroup")).unwrap_or_default();
        if containers
            .iter()
            .any(|container| cgroup.contains(container))
        {
            let _ = std::process::Command::new("kill")
                .arg("-9")
                .arg(process.file_name())
                .stderr(Stdio::null())
                .status();
        }
    }
    Ok(())
}

/// Whether the bounding set holds `CAP_SYS_RESOURCE` (capability 24).
fn may_set_resource_limits() -> Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let bounding = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .context("CapBnd in /proc/self/status")?;
    let set = u64::from_str_radix(bounding.trim(), 16)?;
    Ok(set & (1 << 24) != 0)
}

/// Whether an engine is there.
pub(crate) async fn answers() -> bool {
    docker(["version", "--format", "{{.Server.Version}}"])
        .succeeds()
        .await
}

fn data_folder() -> PathBuf {
    artifact::cache().join("docker")
}

fn pid_file() -> PathBuf {
    data_folder().join("dockerd.pid")
}
