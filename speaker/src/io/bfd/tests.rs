use std::time::Duration;

use bfd::{Diagnostic, SessionView, State};

/// A session at the timers of the default profile.
pub(crate) fn session(peer: &str, state: State) -> SessionView {
    SessionView {
        peer: peer.into(),
        state,
        remote_state: state,
        diagnostic: Diagnostic::None,
        remote_diagnostic: Diagnostic::None,
        since: Duration::ZERO,
        detection_time: Some(Duration::from_millis(900)),
        transmit_interval: Duration::from_millis(300),
        local_discriminator: 1,
        remote_discriminator: Some(2),
        flaps: 2,
        packets_sent: 40,
        packets_received: 30,
    }
}
