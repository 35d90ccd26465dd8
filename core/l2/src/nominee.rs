use core::time::Duration;

use crate::InterfaceFilter;

/// An address that this node may answer, as the plan has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nominee {
    /// On which interfaces.
    pub interfaces: InterfaceFilter,
    /// How much this node is preferred; more is better.
    pub weight: u16,
    /// How long interface and process must have been well before this node counts as stable.
    pub stability_time: Duration,
    /// Time between two gratuitous announcements while the address is owned; `None`: none after the takeover's.
    pub gratuitous_interval: Option<Duration>,
}
