//! What happens to a session, and what a peer cannot take part in.

use std::fmt;

use crate::cell::{Cell, Dials, Kind};
use crate::maker::Maker;

/// One thing that happens to a session, or in it. Before and after it both sides are Established and have all routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    /// It comes up, with MD5 only after our password has been mended; both sides end their first table.
    ComesUp,
    /// Both sides advertise.
    Announce,
    /// Our routes get other attributes.
    Change,
    /// Each route goes alone, and comes back.
    Withdraw,
    /// The peer asks for our routes again.
    TheirRefresh,
    /// We ask for the peer's, as our import filter opens.
    OurRefresh,
    /// We restart, and the peer keeps our routes.
    OurRestart,
    /// The peer is killed and started, and we keep its routes.
    TheirRestart,
    /// The peer resets the session.
    HardReset,
    /// Both sides dial, and both connections stand before either side has looked.
    BothAtOnce,
    /// The peer stands still until our hold timer expires.
    TheySilent,
    /// We stand still until the peer's hold timer expires.
    WeSilent,
    /// We leave, with words for the other operator.
    OurShutdown,
    /// The peer is shut down, with words for ours.
    TheirShutdown,
}

impl Action {
    pub(crate) const ALL: [Self; 14] = [
        Self::ComesUp,
        Self::Announce,
        Self::Change,
        Self::Withdraw,
        Self::TheirRefresh,
        Self::OurRefresh,
        Self::OurRestart,
        Self::TheirRestart,
        Self::HardReset,
        Self::BothAtOnce,
        Self::TheySilent,
        Self::WeSilent,
        Self::OurShutdown,
        Self::TheirShutdown,
    ];

    /// Those that a session gets through in seconds.
    pub(crate) const BRIEF: [Self; 6] = [
        Self::ComesUp,
        Self::Announce,
        Self::Change,
        Self::Withdraw,
        Self::TheirRefresh,
        Self::OurRefresh,
    ];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ComesUp => "comes-up",
            Self::Announce => "announce",
            Self::Change => "attribute-change",
            Self::Withdraw => "withdraw",
            Self::TheirRefresh => "their-refresh",
            Self::OurRefresh => "our-refresh",
            Self::OurRestart => "our-restart",
            Self::TheirRestart => "their-restart",
            Self::HardReset => "hard-reset",
            Self::BothAtOnce => "both-at-once",
            Self::TheySilent => "they-stand-still",
            Self::WeSilent => "we-stand-still",
            Self::OurShutdown => "our-shutdown",
            Self::TheirShutdown => "their-shutdown",
        })
    }
}

/// Why that maker's peer has no part in the action, if so. What is named here is not tried, and counts as nothing.
pub(crate) fn cannot(maker: Maker, cell: Cell, action: Action) -> Option<&'static str> {
    let only_its_dials = cell.kind == Kind::Gtsm;
    match (maker, action) {
        (Maker::ExaBgp, Action::BothAtOnce) if only_its_dials => Some(
            "ExaBGP has the host's TTL of 64 on connections that it accepts: only what it dials passes TTL security",
        ),
        (Maker::Frr, Action::OurRestart) if cell.dials == Dials::They => Some(
            "FRR dials a peer that restarts only once, then waits for the peer to dial: a passive one is not back in time",
        ),
        (Maker::GoBgp, Action::TheirRefresh) => {
            Some("GoBGP has no command that sends a request: its soft reset runs over what it kept")
        }
        (Maker::ExaBgp, Action::OurRestart) => Some(
            "ExaBGP keeps no table of what it receives, so there is nothing to outlive a restart",
        ),
        (Maker::ExaBgp, Action::TheirRestart) => Some(
            "ExaBGP with graceful restart ends a session at the first marked route refresh, so it is not given any",
        ),
        (Maker::ExaBgp, Action::OurShutdown) => Some(
            "ExaBGP cannot read a shutdown communication: it answers any with NOTIFICATION 1/0 of its own",
        ),
        (Maker::ExaBgp, Action::TheirShutdown) => {
            Some("ExaBGP has no command that shuts a peer down with words")
        }
        (Maker::Frr | Maker::Bird | Maker::GoBgp | Maker::ExaBgp, _) => None,
    }
}
