//! What ends how, and what watches over it.

use std::fmt;

use e2e::bench::System;

/// One case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) system: System,
    pub(crate) end: End,
    pub(crate) bfd: bool,
}

/// How it comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As on SIGTERM when it is to be back.
    Planned,
    /// By SIGKILL.
    Crash,
}

impl Case {
    /// BIRD's planned end takes its routes with it, and it has no BFD here: only its crash is anything like ours.
    pub(crate) const ALL: [Self; 5] = [
        Self::herald(End::Planned, false),
        Self::herald(End::Planned, true),
        Self::herald(End::Crash, false),
        Self::herald(End::Crash, true),
        Self {
            system: System::Bird,
            end: End::Crash,
            bfd: false,
        },
    ];

    const fn herald(end: End, bfd: bool) -> Self {
        Self {
            system: System::Herald,
            end,
            bfd,
        }
    }
}

impl fmt::Display for Case {
    /// As the rows are called.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.end {
            End::Planned => "planned",
            End::Crash => "kill",
        };
        write!(f, "{end}{}", if self.bfd { "-bfd" } else { "" })
    }
}
