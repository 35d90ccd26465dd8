//! Waiting for an effect by asking again.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long between two questions.
const INTERVAL: Duration = Duration::from_millis(200);

/// What one look at the world showed.
#[derive(Debug)]
pub enum Seen<T> {
    /// The condition holds.
    Yes(T),
    /// Not yet; what there is instead.
    Not(String),
}

impl<T> Seen<T> {
    /// `Yes(value)` when `holds`, otherwise `Not` with the value shown.
    pub fn when(holds: bool, value: T) -> Self
    where
        T: Debug,
    {
        if holds {
            Self::Yes(value)
        } else {
            Self::Not(format!("{value:?}"))
        }
    }
}

/// Looks until the condition that `sentence` names holds, and returns what was seen then.
///
/// A look that fails counts as "not yet": servers that are just starting refuse connections.
///
/// # Errors
/// When `deadline` has passed; tells the sentence and what the last look showed.
pub async fn await_condition<T>(
    sentence: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Result<Seen<T>>,
) -> Result<T> {
    let started = Instant::now();
    let mut last = String::from("nothing, no look came to an end");
    loop {
        let left = deadline.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, look()).await {
            Ok(Ok(Seen::Yes(value))) => return Ok(value),
            Ok(Ok(Seen::Not(shown))) => last = shown,
            Ok(Err(error)) => last = format!("error: {error:#}"),
            Err(_) => {}
        }
        if started.elapsed() >= deadline {
            bail!("not within {deadline:?}: {sentence}; last seen: {last}");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
