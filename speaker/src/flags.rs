use std::net::SocketAddr;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use plan::{GateMode, Options};

/// Announces Service addresses from this node by BGP.
#[derive(Clone, Debug, Parser)]
#[command(name = "herald-speaker", version)]
pub struct Flags {
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
}
