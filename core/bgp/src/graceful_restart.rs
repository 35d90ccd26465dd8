use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::params::FamilySet;
use crate::wire::Open;
use crate::wire::capability::{Capability, RestartFamily, RestartTerms};

/// How long routes stay stale at most, from the loss of their session or from a peer's word that it sends them again
/// (RFC 4724 section 4.2, RFC 7313 section 4: an upper bound of our own choice).
pub(crate) const LONGEST_STALE: Duration = Duration::from_secs(360);
/// The longest restart time that has room in an OPEN (RFC 4724 section 3).
const LONGEST_RESTART: Duration = Duration::from_secs(4095);

/// That a peer shall keep our routes over a restart, and we keep the peer's (RFC 4724).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GracefulRestart {
    /// How long we may take, 1 to 4095 s: what is outside of it counts as the nearest of both.
    pub restart_time: Duration,
    /// Routes are kept over a NOTIFICATION and an expired hold timer too (RFC 8538).
    pub notification: bool,
}

/// How a speaker came to be: to be told before the first `handle_peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarted {
    /// Until when peers are told that we have restarted, since process start (R-bit, RFC 4724 section 3).
    pub until: Duration,
    /// The kernel has gone on forwarding what the process before had announced (F-bit).
    pub forwarding: bool,
}

/// What the end of a BFD session to a peer can mean (RFC 5882 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdFate {
    /// The peer's BFD goes on without its control plane (C bit): the way is broken.
    Independent,
    /// It ends with its control plane: the way is broken, or the peer restarts.
    Shared,
}

/// How a speaker ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// It will be back: connections are closed without a word, and peers that agreed to it keep our routes (RFC 4724).
    Restart,
    /// It will not: Cease/Administrative Shutdown, as Hard Reset where nothing less would end the routes (RFC 8538).
    Leave {
        /// For the other operator; at most 255 octets of it are sent (RFC 9003).
        message: String,
    },
}

/// What both sides of a session said of restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartAgreement {
    /// How long we keep the peer's routes without a session; 0: not at all.
    pub restart_time: Duration,
    /// Families whose routes the peer wants to be kept.
    pub families: FamilySet,
    /// Those of them whose forwarding state the peer has preserved over the end of the session before.
    pub forwarding: FamilySet,
    /// Routes are kept over a NOTIFICATION and an expired hold timer too (RFC 8538).
    pub notification: bool,
}

/// Our side of the OPEN exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restarting {
    pub(crate) restarting: bool,
    pub(crate) forwarding: bool,
}

impl GracefulRestart {
    /// What our OPEN says of it.
    pub(crate) fn terms(&self, families: FamilySet, restarting: Restarting) -> RestartTerms {
        let time = self
            .restart_time
            .clamp(Duration::from_secs(1), LONGEST_RESTART);
        let family = |family| RestartFamily {
            family,
            forwarding: restarting.forwarding,
        };
        RestartTerms {
            restarting: restarting.restarting,
            notification: self.notification,
            restart_seconds: u16::try_from(time.as_secs()).unwrap_or(u16::MAX),
            families: families.iter().map(family).collect(),
        }
    }

    /// What is agreed on with a peer that says this; `families` are those of the session.
    pub(crate) fn agree(&self, theirs: &RestartTerms, families: FamilySet) -> RestartAgreement {
        let kept: FamilySet = theirs.families.iter().map(|each| each.family).collect();
        let forwarding = theirs.families.iter().filter(|each| each.forwarding);
        let forwarding: FamilySet = forwarding.map(|each| each.family).collect();
        RestartAgreement {
            restart_time: Duration::from_secs(theirs.restart_seconds.into()),
            families: kept & families,
            forwarding: forwarding & families,
            notification: self.notification && theirs.notification,
        }
    }
}

/// What the peer says of restarts: the last one counts (RFC 4724 section 3).
pub(crate) fn terms_of(open: &Open) -> Option<&RestartTerms> {
    let mut capabilities = open.capabilities.iter().rev();
    capabilities.find_map(|capability| match capability {
        Capability::GracefulRestart(terms) => Some(terms),
        Capability::Multiprotocol(_)
        | Capability::RouteRefresh
        | Capability::ExtendedMessage
        | Capability::ExtendedNextHop(_)
        | Capability::FourOctetAsn(_)
        | Capability::EnhancedRouteRefresh
        | Capability::Unknown(_) => None,
    })
}
