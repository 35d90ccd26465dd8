//! `lab up | install | demo | down`: the lab from the command line.

mod demo;

use clap::{Parser, Subcommand};
use e2e::Lab;
use e2e::step::{say, step};

/// A real cluster, a real router and a client behind it, as containers on this machine.
#[derive(Parser)]
#[command(name = "lab")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the lab without Herald; what an earlier one left behind is removed first.
    Up,
    /// Install Herald from deploy/herald.yaml and target/image/herald.tar in the lab that is up.
    Install,
    /// Start the lab, install Herald, expose a page, fetch it from behind the router, and show how that went.
    Demo,
    /// Show nodes, pods, Services, SpeakerStates and the router's routes.
    Status,
    /// Remove the lab, and stop the container engine if it was started for it.
    Down,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().verb {
        Verb::Up => {
            Lab::up().await?;
            say("the lab is up; `make clean-lab` removes it");
        }
        Verb::Install => {
            let lab = Lab::attach().await?;
            step("Herald", lab.install()).await?;
        }
        Verb::Demo => demo::run().await?,
        Verb::Status => demo::status(&Lab::attach().await?).await?,
        Verb::Down => Lab::down().await?,
    }
    Ok(())
}
