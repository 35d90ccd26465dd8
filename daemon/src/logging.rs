//! Log lines on standard error, as text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::{Flags, LogFormat};

/// The log level cannot be used; the user's fault.
#[derive(Debug, thiserror::Error)]
#[error("--log-level={level} is no log level ({source}); give error, warn, info, debug or trace")]
pub struct LogLevelError {
    level: String,
    source: ParseError,
}

/// Sends tracing events to standard error from now on. A second call changes nothing.
///
/// # Errors
/// `--log-level` is neither a level nor a list of directives.
pub fn init(flags: &Flags) -> Result<(), LogLevelError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&flags.log_level)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // The one error of try_init is that a subscriber is there already.
    let _already_there = match flags.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, LogLevelError> {
    EnvFilter::builder()
        .parse(level)
        .map_err(|source| LogLevelError {
            level: level.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_levels_and_directives() {
        assert!(filter("debug").is_ok());
        assert!(filter("info,bgp=trace").is_ok());
    }

    #[test]
    fn names_the_flag_when_the_level_makes_no_sense() {
        let error = filter("info,bgp=loud").unwrap_err().to_string();
        assert!(error.starts_with("--log-level=info,bgp=loud"), "{error}");
    }
}
