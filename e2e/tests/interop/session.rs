//! The life of one session, action by action.

mod ends;
mod meeting;
mod routes;

use std::time::Instant;

use anyhow::{Context, Result};

use e2e::netns::Peer;

use crate::action::{Action, cannot};
use crate::cell::Cell;
use crate::maker::Maker;
use crate::scene::Scene;
use crate::suite::{Outcome, Step};

/// Hold time of both sides, s: three KEEPALIVEs may be late on a busy machine.
const HOLD_TIME: u16 = 9;

/// All actions in order; after one that fails no other is tried.
pub(crate) async fn run<P: Peer>(
    maker: Maker,
    cell: Cell,
    actions: &[Action],
) -> Vec<(Action, Step)> {
    let mut scene = Scene::<P>::set_with(cell, HOLD_TIME, |settings| {
        settings.graceful_restart = cannot(maker, cell, Action::TheirRestart).is_none();
    })
    .await;
    let (mut steps, mut failed) = (Vec::new(), false);
    for action in actions {
        let started = Instant::now();
        let outcome = match (cannot(maker, cell, *action), failed) {
            (Some(reason), _) => Outcome::Cannot(reason),
            (None, true) => Outcome::NotRun,
            (None, false) => match tried(&mut scene, *action).await {
                Ok(()) => Outcome::Passed,
                Err(error) => Outcome::Failed(format!("{error:#}")),
            },
        };
        failed |= matches!(outcome, Outcome::Failed(_));
        let step = Step {
            name: action.to_string(),
            outcome,
            took: started.elapsed(),
        };
        steps.push((*action, step));
    }
    steps
}

/// A failure shows what both sides logged.
async fn tried<P: Peer>(scene: &mut Result<Scene<P>>, action: Action) -> Result<()> {
    let scene = match scene {
        Ok(scene) => scene,
        Err(error) => return Err(anyhow::anyhow!("{error:#}")),
    };
    let result = act(scene, action).await;
    result.with_context(|| scene.network.logs(40))
}

async fn act<P: Peer>(scene: &mut Scene<P>, action: Action) -> Result<()> {
    match action {
        Action::ComesUp => routes::come_up(scene).await,
        Action::Announce => routes::announce(scene).await,
        Action::Change => routes::change(scene).await,
        Action::Withdraw => routes::withdraw(scene).await,
        Action::TheirRefresh => routes::answer_a_refresh(scene).await,
        Action::OurRefresh => routes::ask_for_a_refresh(scene).await,
        Action::OurRestart => ends::restart(scene).await,
        Action::TheirRestart => ends::outlast_a_restart(scene).await,
        Action::HardReset => ends::take_a_reset(scene).await,
        Action::BothAtOnce => meeting::at_once(scene).await,
        Action::TheySilent => ends::miss_the_peer(scene).await,
        Action::WeSilent => ends::be_missed(scene).await,
        Action::OurShutdown => ends::leave_with_words(scene).await,
        Action::TheirShutdown => ends::be_left_with_words(scene).await,
    }
}
