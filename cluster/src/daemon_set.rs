//! Whether the DaemonSet that runs this program will start it anew.

use std::time::Duration;

use http::StatusCode;
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::{Api, Client, Error, core::PartialObjectMeta};

/// How long the answer may take: the grace period of the pod runs already.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why that is not known.
#[derive(Debug, thiserror::Error)]
pub enum DaemonSetUnknown {
    /// The API server is away or in trouble.
    #[error("the API server does not say whether the DaemonSet is there ({0})")]
    Failed(#[from] Error),
    /// It takes too long.
    #[error("the API server has not answered within {} s", TIMEOUT.as_secs())]
    Late,
}

/// Whether the DaemonSet is there and not being deleted. Who may not ask (any more) is being removed together with the
/// right to ask: the manifests always give it.
///
/// # Errors
/// The API server does not say, or not in time.
pub async fn daemon_set_stays(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<bool, DaemonSetUnknown> {
    let api: Api<DaemonSet> = Api::namespaced(client.clone(), namespace);
    let answer = tokio::time::timeout(TIMEOUT, api.get_metadata_opt(name)).await;
    stays(answer.map_err(|_elapsed| DaemonSetUnknown::Late)?)
}

fn stays(
    answer: Result<Option<PartialObjectMeta<DaemonSet>>, Error>,
) -> Result<bool, DaemonSetUnknown> {
    match answer {
        Ok(found) => Ok(found.is_some_and(|found| found.metadata.deletion_timestamp.is_none())),
        Err(Error::Api(refusal)) if is_denied(refusal.code) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn is_denied(code: u16) -> bool {
    code == StatusCode::FORBIDDEN || code == StatusCode::UNAUTHORIZED
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn found(yaml: &str) -> PartialObjectMeta<DaemonSet> {
        serde_json::from_str(yaml).unwrap()
    }

    fn refused(code: u16) -> Error {
        Error::Api(Box::new(Status::failure("no", "reason").with_code(code)))
    }

    #[test]
    fn stays_when_it_is_there_and_is_not_being_deleted() {
        let there = found(r#"{"metadata": {"name": "herald-speaker"}}"#);
        let going = found(
            r#"{"metadata": {"name": "herald-speaker", "deletionTimestamp": "2026-01-01T00:00:00Z"}}"#,
        );
        assert!(stays(Ok(Some(there))).unwrap());
        assert!(!stays(Ok(Some(going))).unwrap());
        assert!(!stays(Ok(None)).unwrap());
    }

    #[test]
    fn goes_when_the_right_to_ask_is_gone_and_is_unknown_when_the_api_server_is() {
        for code in [401, 403] {
            assert!(!stays(Err(refused(code))).unwrap());
        }
        for code in [429, 500, 503] {
            assert!(stays(Err(refused(code))).is_err());
        }
    }
}
