use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};

/// Flags that every Herald program has; flatten them into the program's own.
#[derive(Args, Clone, Debug)]
// A group is named after its struct, and programs have a struct of this name too.
#[group(skip)]
pub struct Flags {
    /// Kubeconfig file; without it the pod's service account or $KUBECONFIG.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Namespace that Herald is installed in: ConfigMap `herald`, Secrets and Lease.
    #[arg(
        long,
        value_name = "NAME",
        env = "HERALD_NAMESPACE",
        default_value = "herald-system"
    )]
    pub namespace: String,

    /// Log level, or directives such as `info,bgp=debug`.
    #[arg(
        long,
        value_name = "LEVEL",
        env = "HERALD_LOG_LEVEL",
        default_value = "info,kube_client=off,kube_runtime=off"
    )]
    pub log_level: String,

    /// How log lines look.
    #[arg(long, value_enum, env = "HERALD_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Address and port of /healthz, /readyz and /metrics.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "HERALD_METRICS_BIND_ADDRESS",
        default_value = "0.0.0.0:7901"
    )]
    pub metrics_bind_address: SocketAddr,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        flags: Flags,
    }

    #[test]
    fn every_flag_has_a_default() {
        let flags = Program::try_parse_from(["program"]).unwrap().flags;
        assert_eq!(flags.namespace, "herald-system");
        assert_eq!(flags.metrics_bind_address.port(), 7901);
        assert_eq!(flags.log_format, LogFormat::Text);
    }

    #[test]
    fn refuses_a_bind_address_without_a_port() {
        let parsed = Program::try_parse_from(["program", "--metrics-bind-address=0.0.0.0"]);
        assert!(parsed.is_err());
    }
}
