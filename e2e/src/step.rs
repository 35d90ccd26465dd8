//! Telling a person what is being done while it is done, and how long it took.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;

/// Runs `work`, then prints `name` with the time it took; a failure keeps its own words.
///
/// # Errors
/// Those of `work`.
pub async fn step<T>(name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = Instant::now();
    let result = work.await;
    let outcome = if result.is_ok() { "" } else { " FAILED" };
    say(&format!(
        "{:>7.1} s  {name}{outcome}",
        started.elapsed().as_secs_f64()
    ));
    result
}

/// One line for the person who watches; a closed terminal is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
