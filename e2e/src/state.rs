//! The lab's folder: `target/lab` (or `HERALD_LAB_DIR`), what the containers see of it, and the kubeconfig.

use std::path::PathBuf;

use crate::artifact;

/// The folder; it exists as long as the lab is meant to be up.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("HERALD_LAB_DIR")
        .map_or_else(|| artifact::root().join("target/lab"), PathBuf::from)
}

/// Administrator's access to the cluster; written last, so its presence means that `up` came to its end.
pub(crate) fn kubeconfig() -> PathBuf {
    folder().join("kubeconfig")
}

/// Whose pod network the lab has.
pub(crate) fn network() -> PathBuf {
    folder().join("network")
}

/// What a node looked like before Herald came.
pub(crate) fn untouched(node: &str) -> PathBuf {
    folder().join("untouched").join(node)
}
