use std::{fs, net::SocketAddr};

use anyhow::ensure;

/// Bit of CAP_NET_ADMIN in a capability set (linux/capability.h).
const NET_ADMIN: u32 = 12;
/// Bit of CAP_NET_BIND_SERVICE in a capability set (linux/capability.h).
const NET_BIND_SERVICE: u32 = 10;

/// Refuses to start where the kernel would not let us listen. Dialling, TCP MD5 and TTL need no capability.
///
/// # Errors
/// The port is a privileged one and CAP_NET_BIND_SERVICE is missing.
pub(crate) fn listening_is_allowed(listen: Option<SocketAddr>) -> anyhow::Result<()> {
    let Some(listen) = listen else {
        return Ok(());
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let first_free = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first_free = first_free
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024);
    ensure!(
        listen.port() >= first_free || holds(&status, NET_BIND_SERVICE),
        "capability NET_BIND_SERVICE is missing, which --bgp-listen={listen} needs; add it to the container's \
         securityContext.capabilities.add, or listen on port {first_free} or above"
    );
    Ok(())
}

/// Refuses to start where the kernel would let us change neither routes nor packet filter.
///
/// # Errors
/// CAP_NET_ADMIN is missing.
pub(crate) fn network_may_be_changed() -> anyhow::Result<()> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ensure!(
        holds(&status, NET_ADMIN),
        "capability NET_ADMIN is missing, without which no route can be removed; run it as root, or add the capability \
         to the container's securityContext.capabilities.add"
    );
    Ok(())
}

/// Whether the effective set in the text of /proc/PID/status (proc(5)) has the bit. A kernel that does not say has all.
fn holds(status: &str, bit: u32) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .is_none_or(|set| set >> bit & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_effective_set() {
        let status = "CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000400\n";
        assert!(holds(status, NET_BIND_SERVICE) && !holds(status, NET_ADMIN));
        assert!(!holds("CapEff:\t0000000000000000\n", NET_BIND_SERVICE));
        assert!(!holds("CapEff:\t0000000000001000\n", NET_BIND_SERVICE));
    }

    #[test]
    fn needs_nothing_without_listening() {
        assert!(listening_is_allowed(None).is_ok());
    }
}
