use core::time::Duration;

use crate::{Diagnostic, PeerName, State};

/// What there is to know about one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Whose session.
    pub peer: PeerName,
    /// Our state.
    pub state: State,
    /// The state that the peer says; Down when nothing is known of it.
    pub remote_state: State,
    /// Why our state changed last.
    pub diagnostic: Diagnostic,
    /// What the peer says about that.
    pub remote_diagnostic: Diagnostic,
    /// When our state changed last, or the session was made.
    pub since: Duration,
    /// How long nothing may come from the peer; `None` as long as nothing is known of it.
    pub detection_time: Option<Duration>,
    /// Time between our packets, before jitter.
    pub transmit_interval: Duration,
    /// Tells our session to the peer; never 0.
    pub local_discriminator: u32,
    /// Tells the peer's session to it; `None` as long as it is not known.
    pub remote_discriminator: Option<u32>,
    /// How often the session went from Up to Down.
    pub flaps: u64,
    /// Packets to the peer.
    pub packets_sent: u64,
    /// Packets of the peer that were not discarded.
    pub packets_received: u64,
}
