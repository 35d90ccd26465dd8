use std::{fmt, time::Duration};

/// What a refusal by RBAC is repeated after: somebody has to act first.
const FORBIDDEN_PAUSE: Duration = Duration::from_secs(30);

/// Pause when the API server says that it is busy and not for how long.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// How a write ended, for the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Written.
    Written,
    /// The object had changed.
    Conflict,
    /// The object is gone.
    NotFound,
    /// The API server will never take it.
    Refused,
    /// The API server has too much to do.
    Throttled,
    /// No answer, or a failure of the API server.
    Failed,
}

/// Why a write did not happen, or may not have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The object has changed since it was read: read it again.
    #[error("the object has changed")]
    Conflict,
    /// The object is gone.
    #[error("the object is gone")]
    NotFound,
    /// The API server refuses what is written; the same again is refused again.
    #[error("refused: {0}")]
    Refused(String),
    /// The API server has too much to do: this and other writes are to wait.
    #[error("the API server is busy, write again in {after:?}")]
    Busy {
        /// Not before this time has passed.
        after: Duration,
    },
    /// The same may work later; it may even have worked.
    #[error("failed: {cause}")]
    Retry {
        /// Not before this time has passed, if the API server named one.
        after: Option<Duration>,
        /// What happened.
        cause: String,
    },
}

/// What an error of a write request means.
pub(crate) fn judge(error: &kube::Error) -> (Outcome, WriteError) {
    let kube::Error::Api(status) = error else {
        return (Outcome::Failed, WriteError::later(error));
    };
    let message = status.message.clone();
    let named = status
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    let after = (named > 0).then(|| Duration::from_secs(named.into()));
    match status.code {
        404 => (Outcome::NotFound, WriteError::NotFound),
        409 => (Outcome::Conflict, WriteError::Conflict),
        429 => (
            Outcome::Throttled,
            WriteError::Busy {
                after: after.unwrap_or(BUSY_PAUSE),
            },
        ),
        401 | 403 => {
            tracing::warn!(%message, "the API server forbids a write; compare the RBAC with the manifests");
            (
                Outcome::Refused,
                WriteError::Retry {
                    after: Some(FORBIDDEN_PAUSE),
                    cause: message,
                },
            )
        }
        400..=499 => (Outcome::Refused, WriteError::Refused(message)),
        _ => (
            Outcome::Failed,
            WriteError::Retry {
                after,
                cause: message,
            },
        ),
    }
}

impl WriteError {
    /// May work later.
    pub(crate) fn later(cause: impl fmt::Display) -> Self {
        Self::Retry {
            after: None,
            cause: cause.to_string(),
        }
    }
}

impl Outcome {
    /// Label value of the count.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "Written",
            Self::Conflict => "Conflict",
            Self::NotFound => "NotFound",
            Self::Refused => "Refused",
            Self::Throttled => "Throttled",
            Self::Failed => "Failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answered(code: u16) -> WriteError {
        judge(&kube::Error::Api(
            Status::failure("m", "r").with_code(code).boxed(),
        ))
        .1
    }

    #[test]
    fn only_what_may_change_is_repeated() {
        assert_eq!(answered(409), WriteError::Conflict);
        assert_eq!(answered(404), WriteError::NotFound);
        assert_eq!(answered(422), WriteError::Refused("m".into()));
        for code in [401, 403, 500, 503, 504] {
            assert!(matches!(answered(code), WriteError::Retry { .. }), "{code}");
        }
    }

    #[test]
    fn waits_as_long_as_a_busy_api_server_asks() {
        let details = serde_json::from_str(r#"{ "retryAfterSeconds": 7 }"#).unwrap();
        let status = Status::failure("m", "r")
            .with_code(429)
            .with_details(details);
        let (outcome, error) = judge(&kube::Error::Api(status.boxed()));
        assert_eq!(outcome, Outcome::Throttled);
        assert_eq!(
            error,
            WriteError::Busy {
                after: Duration::from_secs(7)
            }
        );
    }
}
