//! `herald-controller`: see the library of the same package.

use std::process::ExitCode;

use clap::Parser;
use controller::Flags;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Err(error) = daemon::logging::init(&flags.daemon) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    match controller::run(flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
