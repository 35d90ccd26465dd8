use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use plan::{GateMode, Options, ROUTE_PROTOCOL};

/// Announces Service addresses from this node by BGP, and is its pod network if a PodNetwork says so.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "herald-speaker",
    version,
    args_conflicts_with_subcommands = true
)]
pub struct Flags {
    /// What to do instead of being the speaker.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// What both Herald programs have.
    #[command(flatten)]
    pub common: daemon::Flags,

    /// Name of this node's Node object.
    #[arg(long, value_name = "NAME", env = "NODE_NAME")]
    pub node_name: Option<String>,

    /// Address and port of /debug, on the loopback interface only.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "HERALD_DEBUG_BIND_ADDRESS",
        default_value = "127.0.0.1:7902"
    )]
    pub debug_bind_address: SocketAddr,

    /// Accept BGP connections here. Without it the speaker listens only when a peer is passive, on port 179.
    #[arg(long, value_name = "ADDRESS:PORT", env = "HERALD_BGP_LISTEN")]
    pub bgp_listen: Option<SocketAddr>,

    /// Name of the DaemonSet that runs the speaker, in the namespace of Herald: without it a stop is for good.
    #[arg(
        long,
        value_name = "NAME",
        env = "HERALD_DAEMON_SET",
        default_value = "herald-speaker"
    )]
    pub daemon_set: String,

    /// Whether announcing an address waits until kube-proxy has programmed this node.
    #[arg(
        long,
        value_enum,
        env = "HERALD_DATAPLANE_GATE",
        default_value = "auto"
    )]
    pub dataplane_gate: Gate,

    /// Announce also from a node labelled node.kubernetes.io/exclude-from-external-load-balancers, as kubeadm labels the
    /// only node of a small cluster.
    #[arg(long, env = "HERALD_IGNORE_EXCLUDE_LABEL")]
    pub ignore_exclude_label: bool,

    /// What the pod network changes on the node.
    #[command(flatten)]
    pub host: HostFlags,
}

/// What the program can do besides being the speaker.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Removes from this node what the pod network made: routes, neighbours, nftables table, CNI configuration, bridge;
    /// restores kernel settings. The speaker must not run.
    Cleanup(CleanupFlags),
}

/// Flags of `herald-speaker cleanup`.
#[derive(Args, Clone, Debug)]
pub struct CleanupFlags {
    /// What the pod network changes on the node.
    #[command(flatten)]
    pub host: HostFlags,

    /// Wait for SIGTERM when everything is removed, as a DaemonSet's pod has to.
    #[arg(long)]
    pub hold: bool,
}

/// Where on the node the pod network leaves something.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct HostFlags {
    /// Folder of CNI configurations.
    #[arg(
        long,
        value_name = "FOLDER",
        env = "HERALD_CNI_CONF_DIR",
        default_value = "/etc/cni/net.d"
    )]
    pub cni_conf_dir: PathBuf,

    /// Folder of CNI plugins.
    #[arg(
        long,
        value_name = "FOLDER",
        env = "HERALD_CNI_BIN_DIR",
        default_value = "/opt/cni/bin"
    )]
    pub cni_bin_dir: PathBuf,

    /// Folder of the kernel's settings, as the one at /proc/sys.
    #[arg(
        long,
        value_name = "FOLDER",
        env = "HERALD_SYSCTL_DIR",
        default_value = "/proc/sys"
    )]
    pub sysctl_dir: PathBuf,

    /// Folder in which changed kernel settings are noted; it should be empty after a reboot, as they are.
    #[arg(
        long,
        value_name = "FOLDER",
        env = "HERALD_STATE_DIR",
        default_value = "/run/herald"
    )]
    pub state_dir: PathBuf,

    /// Protocol number of our routes in the kernel: all routes that carry it are ours.
    #[arg(long, value_name = "NUMBER", env = "HERALD_ROUTE_PROTOCOL", default_value_t = ROUTE_PROTOCOL, value_parser = route_protocol)]
    pub route_protocol: u8,
}

/// Whether announcing waits for kube-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gate {
    /// It does, until kube-proxy answers, or stays silent for 5 s.
    Auto,
    /// It does not.
    Off,
}

impl Flags {
    /// The planner's options.
    ///
    /// # Errors
    /// The node's name is missing.
    pub(crate) fn options(&self) -> anyhow::Result<Options> {
        let node = self
            .node_name
            .as_deref()
            .filter(|name| !name.is_empty())
            .context("this node's name is missing; set NODE_NAME (in a pod from fieldRef spec.nodeName) or give --node-name=NAME")?;
        Ok(Options {
            node: node.into(),
            ignore_exclude_label: self.ignore_exclude_label,
            gate: match self.dataplane_gate {
                Gate::Auto => GateMode::Auto,
                Gate::Off => GateMode::Off,
            },
        })
    }

    /// Refuses to show the debug page to the network.
    ///
    /// # Errors
    /// `--debug-bind-address` is no loopback address.
    pub(crate) fn debug_is_private(&self) -> anyhow::Result<()> {
        ensure!(
            self.debug_bind_address.ip().is_loopback(),
            "--debug-bind-address={} is reachable from outside; give a loopback address such as 127.0.0.1:7902",
            self.debug_bind_address
        );
        Ok(())
    }
}

/// A protocol number that nobody else's routes carry.
fn route_protocol(text: &str) -> Result<u8, String> {
    let whose = match text.parse() {
        Ok(0..=4) => "the kernel and those who add routes by hand use 0 to 4",
        Ok(186..=197) => "FRR uses 186 to 197",
        Ok(number) => return Ok(number),
        Err(_) => "it is no number",
    };
    Err(format!(
        "{whose}; give a number from 5 to 255 that no other program of the node uses \
         (/etc/iproute2/rt_protos lists some), such as {ROUTE_PROTOCOL}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Flags {
        let program = ["herald-speaker", "--node-name=node-1"];
        Flags::try_parse_from(program.iter().chain(arguments)).unwrap()
    }

    #[test]
    fn has_the_defaults_that_the_manifests_rely_on() {
        let flags = parse(&[]);
        assert_eq!(flags.debug_bind_address.to_string(), "127.0.0.1:7902");
        assert_eq!((flags.bgp_listen, flags.dataplane_gate), (None, Gate::Auto));
        let options = flags.options().unwrap();
        assert_eq!(
            (&*options.node, options.gate, options.ignore_exclude_label),
            ("node-1", GateMode::Auto, false)
        );
    }

    #[test]
    fn names_what_is_missing_and_how_to_give_it() {
        let flags = Flags {
            node_name: None,
            ..parse(&[])
        };
        let error = flags.options().unwrap_err().to_string();
        assert!(
            error.contains("NODE_NAME") && error.contains("--node-name"),
            "{error}"
        );
    }

    #[test]
    fn keeps_the_debug_page_on_the_loopback_interface() {
        assert!(parse(&[]).debug_is_private().is_ok());
        assert!(
            parse(&["--debug-bind-address=[::1]:7902"])
                .debug_is_private()
                .is_ok()
        );
        assert!(
            parse(&["--debug-bind-address=0.0.0.0:7902"])
                .debug_is_private()
                .is_err()
        );
    }

    #[test]
    fn cleanup_is_a_command_and_the_speaker_needs_none() {
        assert!(parse(&[]).command.is_none());
        let flags = Flags::try_parse_from(["herald-speaker", "cleanup", "--hold"]).unwrap();
        let Some(Command::Cleanup(cleanup)) = flags.command else {
            panic!("no cleanup");
        };
        assert!(cleanup.hold);
        assert_eq!(cleanup.host.cni_conf_dir, parse(&[]).host.cni_conf_dir);
        assert_eq!(cleanup.host.route_protocol, 158);
        let mixed = ["herald-speaker", "--node-name=a", "cleanup"];
        assert!(Flags::try_parse_from(mixed).is_err());
    }

    #[test]
    fn refuses_a_protocol_number_that_somebody_else_uses() {
        for (number, whose) in [("4", "kernel"), ("186", "FRR"), ("197", "FRR"), ("x", "no")] {
            let flag = format!("--route-protocol={number}");
            let error = Flags::try_parse_from(["herald-speaker", &flag]).unwrap_err();
            assert!(error.to_string().contains(whose), "{error}");
        }
        let flags = parse(&["--route-protocol=198"]);
        assert_eq!(flags.host.route_protocol, 198);
    }
}
