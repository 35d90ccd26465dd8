//! The settings as they are right now, for those who must know them before anything else.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, api::ListParams};
use model::Settings;

/// Name of the ConfigMap.
pub(super) const NAME: &str = "herald";

const TIMEOUT: Duration = Duration::from_secs(4);

/// The settings are not known.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The API server is away or refuses.
    #[error("cannot read ConfigMap {0}/{NAME}: {1}")]
    Request(String, kube::Error),
    /// Somebody has to repair them.
    #[error("ConfigMap {0}/{NAME} cannot be used: {1}")]
    Rejected(String, model::Rejection),
    /// No answer within 4 s.
    #[error("cannot read ConfigMap {0}/{NAME}: no answer within {TIMEOUT:?}")]
    Timeout(String),
}

/// Reads ConfigMap `herald` of `namespace`; without one the settings are the defaults.
///
/// # Errors
/// The API server did not say, or what it said makes no sense.
pub async fn read_settings(client: &Client, namespace: &str) -> Result<Settings, SettingsError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    // A list, because that is what the watch of the settings may do anyway.
    let selection = ListParams::default().fields(&format!("metadata.name={NAME}"));
    let config_maps = tokio::time::timeout(TIMEOUT, api.list(&selection))
        .await
        .map_err(|_elapsed| SettingsError::Timeout(namespace.to_owned()))?
        .map_err(|error| SettingsError::Request(namespace.to_owned(), error))?;
    let Some(config_map) = config_maps.items.first() else {
        return Ok(Settings::default());
    };
    Settings::parse(config_map)
        .map_err(|rejection| SettingsError::Rejected(namespace.to_owned(), rejection))
}
