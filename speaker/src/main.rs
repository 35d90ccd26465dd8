//! Starts the speaker.

use std::process::ExitCode;

use clap::Parser;
use speaker::Flags;

fn main() -> ExitCode {
    match speaker::run(Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("herald-speaker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
