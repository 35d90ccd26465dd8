//! Starts the speaker, or cleans up after it.

use std::process::ExitCode;

use clap::Parser;
use speaker::{Command, Flags};

fn main() -> ExitCode {
    let flags = Flags::parse();
    let result = match &flags.command {
        Some(Command::Cleanup(flags)) => speaker::cleanup(flags),
        None => speaker::run(flags),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("herald-speaker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
