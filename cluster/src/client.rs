//! How this process reaches the API server.

use std::{path::Path, time::Duration};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

/// How long connecting to the API server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one write to the socket may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

/// Why there is no client; the user's fault in every case.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file that `--kubeconfig` names cannot be used.
    #[error("--kubeconfig={0} cannot be used ({1}); give a kubeconfig file with a current context")]
    Kubeconfig(String, KubeconfigError),
    /// Neither a kubeconfig nor a service account.
    #[error(
        "no API server is configured ({0}); run as a pod with a service account (KUBERNETES_SERVICE_HOST and \
         KUBERNETES_SERVICE_PORT say where the API server is) or give --kubeconfig=FILE"
    )]
    Nothing(#[from] kube::config::InferConfigError),
    /// Certificates or keys in the configuration cannot be used.
    #[error(
        "the API server's configuration cannot be used ({0}); repair certificates and keys in it"
    )]
    Unusable(#[from] kube::Error),
}

/// A client from `kubeconfig`, else from `$KUBECONFIG` or `~/.kube/config`, else from the pod's
/// service account. Call it inside the runtime that is to drive the requests.
///
/// Nothing is sent yet: an API server that is away is no error here. Requests are never repeated by
/// the client itself, so that every repetition is a decision of its caller.
///
/// # Errors
/// No configuration, or an unusable one.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, ConnectError> {
    let mut config = match kubeconfig {
        None => Config::infer().await?,
        Some(path) => read(path)
            .await
            .map_err(|error| ConnectError::Kubeconfig(path.display().to_string(), error))?,
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

async fn read(path: &Path) -> Result<Config, KubeconfigError> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await
}
