//! Removing what killed runs left behind.

use std::path::PathBuf;

use anyhow::Result;

use super::namespace::remove;

/// Start of every name that a run of ours makes.
const MARK: &str = "hi-";

/// The name of this process's things: `hi-PID-START`.
pub(super) fn run_name() -> String {
    let pid = std::process::id();
    format!("{MARK}{pid}-{}", start_time(pid).unwrap_or_default())
}

/// Where a network of that name keeps its files.
pub(super) fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}

/// Removes namespaces and folders of runs whose process is gone.
pub(super) fn remove_stale() -> Result<()> {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_stale(&name) {
            remove(&name);
        }
    }
    for entry in std::fs::read_dir(std::env::temp_dir())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_stale(&name) {
            let _ = std::fs::remove_dir_all(folder(&name));
        }
    }
    Ok(())
}

/// Whether `name` is one of ours, and of a process that is no more. Names that we cannot read belong to others.
fn is_stale(name: &str) -> bool {
    owner(name).is_some_and(|(pid, start)| start_time(pid) != Some(start))
}

fn owner(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.strip_prefix(MARK)?.split('-');
    let owner = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.parse::<u32>().ok()?;
    parts.next().is_none().then_some(owner)
}

/// When a process started, in clock ticks since boot (proc(5), field 22 of stat); `None`: there is no such process.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name, may hold blanks; it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_alone_what_a_living_process_or_somebody_else_made() {
        assert!(!is_stale(&format!("{}-1", run_name())));
        for name in ["hi-1", "hi-there", "hi-x-y-z", "lab-1-2-3", "hi-1-2-3-4"] {
            assert!(!is_stale(name), "{name}");
        }
    }

    #[test]
    fn knows_what_a_process_that_is_gone_made() {
        let pid = std::process::id();
        assert!(
            is_stale(&format!("hi-{pid}-1-7")),
            "same id, another process"
        );
        assert!(is_stale("hi-4194304-1-7"), "beyond the highest process id");
    }
}
