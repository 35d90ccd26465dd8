//! A sequence of all that a BGP speaker can be told.

mod action;
mod world;

use crate::script::Script;
use action::Action;
use world::World;

/// Longest sequence. What takes longer finds nothing more, only more slowly.
const MOST_ACTIONS: usize = 200;

/// What the speaker writes, tells and shows holds together, whatever happens in whatever order.
pub fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let mut world = World::new();
    for _ in 0..MOST_ACTIONS {
        if script.is_over() {
            break;
        }
        world.apply(Action::next(&mut script));
    }
    world.settle();
}
