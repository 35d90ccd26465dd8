//! Whether a process before this one held sessions a moment ago, under the same kernel: only then do routers hear of a
//! restart over which traffic was forwarded (RFC 4724 section 3).

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use bgp::{Restarted, State};
use model::Object;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{
    flags::HostFlags,
    io::{bgp::Observed, file, netlink, snapshot::Kept},
    kernel::KernelState,
};

/// Name of the file, in the folder of what this process leaves for the next one.
const FILE: &str = "last-run.json";
/// Between two signs of life.
const INTERVAL: Duration = Duration::from_secs(2);
/// `spec.gracefulRestartTime` of a BGPPeer that does not say it.
const USUAL_RESTART: Duration = Duration::from_secs(30);
/// Another one each time the kernel boots (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Seconds since the kernel booted (proc_uptime(5)).
const UPTIME: &str = "/proc/uptime";
/// Whether the kernel forwards, below /proc/sys.
const FORWARDING: [&str; 2] = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

/// Where it is noted, and what is looked at.
#[derive(Clone, Debug)]
pub(crate) struct LastRun {
    folder: PathBuf,
    sysctl_dir: PathBuf,
    route_protocol: u8,
}

/// A sign of life: a session was up, and this is how the node forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    /// The kernel's boot id.
    boot: String,
    /// Seconds since it booted.
    uptime: u64,
    /// Whether it forwards, each family.
    forwards: [bool; 2],
    /// It has routes of ours.
    routes: bool,
}

impl LastRun {
    pub(crate) fn new(host: &HostFlags) -> Self {
        Self {
            folder: host.state_dir.clone(),
            sysctl_dir: host.sysctl_dir.clone(),
            route_protocol: host.route_protocol,
        }
    }

    /// What routers are to be told at `now`, a time since this process started; `known` is what the process before knew.
    pub(crate) async fn restarted(&self, now: Duration, known: Option<&Kept>) -> Option<Restarted> {
        let last = match self.read() {
            Ok(last) => last?,
            Err(error) => {
                tracing::info!(%error, "when the process before ended is not known: it counts as long ago");
                return None;
            }
        };
        let held = netlink::held(self.route_protocol).await;
        let life = self.life(held.is_ok_and(|held| held > 0)).ok()?;
        let known = known.map_or(&[][..], |kept| &kept.objects);
        let (left, forwarding) = judge(&last, &life, restart_time(known))?;
        tracing::info!(?left, forwarding, "started anew");
        Some(Restarted {
            until: now + left,
            forwarding,
        })
    }

    /// Notes again and again that sessions are up, as long as they are.
    pub(crate) async fn keep(
        self,
        observed: watch::Receiver<Observed>,
        kernel: watch::Receiver<KernelState>,
    ) {
        let mut told = false;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let up = |observed: &Observed| {
                let mut sessions = observed.sessions.iter();
                sessions.any(|session| session.state == State::Established)
            };
            if !up(&observed.borrow()) {
                continue;
            }
            let routes = kernel.borrow().routes.held > 0;
            let written = self.life(routes).and_then(|life| self.write(&life));
            if let Err(error) = written
                && !told
            {
                told = true;
                let folder = self.folder.display();
                tracing::warn!(%folder, %error, "routers will not be told of a restart: nothing can be noted there");
            }
        }
    }

    /// How the node is now.
    fn life(&self, routes: bool) -> io::Result<Life> {
        let uptime = fs::read_to_string(UPTIME)?;
        let seconds = uptime.split('.').next().unwrap_or_default();
        let forwards = FORWARDING.map(|setting| {
            let value = fs::read_to_string(self.sysctl_dir.join(setting));
            value.is_ok_and(|value| value.trim() == "1")
        });
        Ok(Life {
            boot: fs::read_to_string(BOOT_ID)?.trim().to_owned(),
            uptime: seconds.parse().map_err(io::Error::other)?,
            forwards,
            routes,
        })
    }

    fn read(&self) -> io::Result<Option<Life>> {
        let text = file::read(&self.folder.join(FILE))?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    fn write(&self, life: &Life) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        file::replace(&self.folder, FILE, &serde_json::to_string(life)?)
    }
}

/// Forgets that there was a process: what it announced is withdrawn.
pub(crate) fn remove(folder: &Path) -> io::Result<bool> {
    file::remove(&folder.join(FILE))
}

/// The same; a failure is told.
pub(crate) fn forget(folder: &Path) {
    if let Err(error) = remove(folder) {
        let folder = folder.display();
        tracing::warn!(%folder, %error, "the sign of life cannot be removed: routers may be told of a restart");
    }
}

/// What is left of the time of a restart that began with the last sign of life, and whether the node has gone on
/// forwarding what it then forwarded. Nothing of an earlier boot goes on.
fn judge(last: &Life, now: &Life, restart_time: Duration) -> Option<(Duration, bool)> {
    if last.boot != now.boot {
        return None;
    }
    let gone = Duration::from_secs(now.uptime.checked_sub(last.uptime)?);
    let mut families = last.forwards.iter().zip(now.forwards);
    let forwarding = families.all(|(before, now)| now || !before) && (now.routes || !last.routes);
    Some((restart_time.saturating_sub(gone), forwarding))
}

/// How long the peers that an earlier process knew keep its routes at most.
fn restart_time(known: &[Object]) -> Duration {
    let peers = known.iter().filter_map(|object| match object {
        Object::Peer(peer) => peer.value.as_ref().ok(),
        Object::Settings(_)
        | Object::Pool(_)
        | Object::BfdProfile(_)
        | Object::Advertisement(_)
        | Object::L2Advertisement(_)
        | Object::Community(_)
        | Object::PodNetwork(_)
        | Object::Service(_)
        | Object::EndpointSlice(_)
        | Object::Node(_)
        | Object::Namespace(..)
        | Object::Secret(..)
        | Object::HeartbeatKeys(_)
        | Object::ServiceCidr(..) => None,
    });
    let times = peers.filter_map(|peer| Some(peer.graceful_restart?.restart_time));
    times.max().unwrap_or(USUAL_RESTART)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESTART: Duration = Duration::from_secs(30);

    fn life(boot: &str, uptime: u64) -> Life {
        Life {
            boot: boot.to_owned(),
            uptime,
            forwards: [true, false],
            routes: true,
        }
    }

    fn last_run(folder: &Path) -> LastRun {
        LastRun {
            folder: folder.to_owned(),
            sysctl_dir: folder.to_owned(),
            route_protocol: 158,
        }
    }

    #[test]
    fn a_restart_is_told_until_its_time_is_over_and_nothing_after_a_boot() {
        let last = life("a", 100);
        let told = |now| judge(&last, &now, RESTART).map(|(left, f)| (left.as_secs(), f));
        assert_eq!(told(life("a", 100)), Some((30, true)));
        assert_eq!(told(life("a", 129)), Some((1, true)));
        assert_eq!(told(life("a", 1000)), Some((0, true)));
        assert_eq!(told(life("a", 99)), None, "no time of this boot");
        assert_eq!(told(life("b", 101)), None, "the kernel forgot everything");
    }

    #[test]
    fn a_node_that_stopped_forwarding_does_not_say_that_it_went_on() {
        let last = life("a", 100);
        let routes_gone = Life {
            routes: false,
            ..life("a", 101)
        };
        let closed = Life {
            forwards: [false, true],
            ..life("a", 101)
        };
        for now in [routes_gone, closed] {
            let (left, forwarding) = judge(&last, &now, RESTART).unwrap();
            assert!(!forwarding && left.as_secs() == 29, "{now:?}");
        }
        let more = Life {
            forwards: [true, true],
            ..life("a", 101)
        };
        assert!(judge(&last, &more, RESTART).unwrap().1);
    }

    #[tokio::test]
    async fn a_process_that_held_sessions_a_moment_ago_is_found_and_none_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let last = last_run(folder.path());
        let now = Duration::from_secs(7);
        assert_eq!(last.restarted(now, None).await, None);
        last.write(&last.life(false).unwrap()).unwrap();
        let restarted = last.restarted(now, None).await.unwrap();
        assert!(restarted.forwarding);
        assert!(restarted.until > now && restarted.until <= now + RESTART);
        assert!(remove(folder.path()).unwrap());
        assert_eq!(last.restarted(now, None).await, None);
    }

    #[tokio::test]
    async fn a_damaged_note_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let last = last_run(folder.path());
        for text in ["", "{", "{\"boot\": 3}", "[]"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(last.restarted(Duration::ZERO, None).await, None);
        }
    }
}
