use clap::Parser;
use ipnet::IpNet;

/// Flags of `herald-controller`.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "herald-controller",
    version,
    about = "Gives Services of type LoadBalancer their addresses"
)]
pub struct Flags {
    /// Flags of every Herald program.
    #[command(flatten)]
    pub daemon: daemon::Flags,

    /// Service ranges of the cluster, for API servers without ServiceCIDR objects; no address in them
    /// is given out.
    #[arg(
        long,
        value_name = "CIDR",
        value_delimiter = ',',
        env = "HERALD_SERVICE_CIDRS"
    )]
    pub service_cidrs: Vec<IpNet>,

    /// Name of this replica in the Lease and in Events.
    #[arg(long, value_name = "NAME", env = "POD_NAME", default_value_t = host_name())]
    pub pod_name: String,
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "herald-controller".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_service_ranges_of_both_families() {
        let flags =
            Flags::try_parse_from(["x", "--service-cidrs=10.96.0.0/16,fd01::/108"]).unwrap();
        assert_eq!(flags.service_cidrs.len(), 2);
    }
}
