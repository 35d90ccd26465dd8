use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use crate::{Nominee, gratuitous::Gratuitous, heartbeat::Entry, notice::Loss};

/// One address that the plan nominates here, or did until a moment ago.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// `None`: it is only still handed over.
    pub(crate) nominee: Option<Nominee>,
    /// Where it is, or would be, answered.
    pub(crate) interfaces: Vec<u32>,
    pub(crate) on_subnet: bool,
    pub(crate) state: State,
    pub(crate) former: Former,
    /// What our heartbeats say about it.
    pub(crate) entry: Entry,
    /// Nothing is done before somebody has said all.
    pub(crate) waits: bool,
    /// When to look at it again.
    pub(crate) timer: Option<Duration>,
    /// When a conflict was last told.
    pub(crate) told: Option<Duration>,
    /// When it was last defended (RFC 5227 section 2.4).
    pub(crate) defended: Option<Duration>,
    /// Another node of the cluster has told the segment that it answers, since we did so ourselves.
    pub(crate) contested: bool,
}

/// What we do about it.
///
/// ```text
///            best, others unheard            3 probes, no answer
///   Idle ───────────────────────► Probing ─────────────────────► Owner ───► Yielding
///    ▲ ▲                          │     ▲                        │ ▲  nominated  │
///    │ └──────────────────────────┘     │ again after a while    │ └── no more,  │
///    │        somebody better           ▼                        │     or leave  │
///    │                               Blocked (old owner answers) │               │
///    └──────────── somebody better claims it, or we may not ─────┴───────────────┘
/// ```
/// From `Idle` it goes to `Owner` at once where a living owner gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    Probing {
        sent: u8,
        next: Duration,
    },
    /// The former owner is not heard and answered a probe.
    Blocked {
        until: Duration,
    },
    Owner(Gratuitous),
    /// Answers until somebody else does, but no longer than that.
    Yielding {
        until: Duration,
        loss: Loss,
    },
}

/// How the last owner that we know of went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Former {
    Unknown,
    /// In good order: it answers no more.
    Left,
    Dead,
}

impl Claim {
    pub(crate) fn new(address: IpAddr) -> Self {
        Self {
            nominee: None,
            interfaces: Vec::new(),
            on_subnet: false,
            state: State::Idle,
            former: Former::Unknown,
            entry: Entry::none(address),
            waits: false,
            timer: None,
            told: None,
            defended: None,
            contested: false,
        }
    }

    /// It is answered here.
    pub(crate) const fn is_answered(&self) -> bool {
        matches!(self.state, State::Owner(_) | State::Yielding { .. })
    }

    /// There is nothing left to be done about it.
    pub(crate) const fn is_over(&self) -> bool {
        self.nominee.is_none() && matches!(self.state, State::Idle)
    }
}
