//! Keeps Secret `herald-heartbeat` as [`HeartbeatKeys`] wants it.

use std::time::Duration;

use cluster::{WriteError, Writer, read_heartbeat_secret, write_heartbeat_secret};
use model::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::heartbeat_key::{Found, HeartbeatKeys, LENGTH, Reason};

/// Looks at the Secret once and writes it when it is not as it should be; IO.
///
/// # Errors
/// The API server does not answer, or somebody else has written the Secret meanwhile.
pub(super) async fn keep_keys(
    writer: &Writer,
    namespace: &str,
    rotation: Duration,
) -> Result<(), WriteError> {
    let former = read_heartbeat_secret(writer, namespace).await?;
    let found = former.as_ref().map(|former| Found {
        entries: &former.entries,
        rotated_at: former.rotated_at,
    });
    let Some((keys, reason)) = HeartbeatKeys::plan(now(), found, rotation, random()?) else {
        return Ok(());
    };
    let (entries, rotated_at) = (keys.entries(), keys.rotated_at());
    write_heartbeat_secret(writer, namespace, former, entries, rotated_at).await?;
    match reason {
        Reason::Missing => tracing::info!(?keys, "Secret herald-heartbeat is made"),
        Reason::Rotated => tracing::info!(?keys, "Secret herald-heartbeat has a new key"),
        Reason::Unusable => {
            tracing::warn!(
                ?keys,
                "Secret herald-heartbeat had no key in it; it has one now"
            );
        }
        Reason::Mended => tracing::warn!(
            ?keys,
            "Secret herald-heartbeat had something in it that is no key, or no readable annotation \
             heraldlb.io/rotated-at; it is mended"
        ),
    }
    Ok(())
}

fn random() -> Result<[u8; LENGTH], WriteError> {
    let mut key = [0; LENGTH];
    match SystemRandom::new().fill(&mut key) {
        Ok(()) => Ok(key),
        Err(_unspecified) => Err(WriteError::Retry {
            after: None,
            cause: "the kernel gives no random bytes".to_owned(),
        }),
    }
}

/// The time on the wall; before 1970 it is 1970.
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.unwrap_or_default().as_secs();
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX))
}
