//! `lab up | down | status | herald | demo`: the lab from the command line.

use clap::{Parser, Subcommand};
use e2e::Lab;
use e2e::step::say;

/// A real cluster, a real router and a client behind it, as containers on this machine.
#[derive(Parser)]
#[command(name = "lab")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the lab; what an earlier one left behind is removed first.
    Up,
    /// Remove the lab, and stop the container engine if it was started for it.
    Down,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().verb {
        Verb::Up => {
            Lab::up().await?;
            say("the lab is up");
        }
        Verb::Down => Lab::down().await?,
    }
    Ok(())
}
