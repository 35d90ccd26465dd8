use core::time::Duration;

use crate::{Diagnostic, Packet, State};

/// What the peer said last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    pub(crate) discriminator: u32,
    pub(crate) state: State,
    pub(crate) diagnostic: Diagnostic,
    pub(crate) desired_min_tx: Duration,
    /// 0: it wants no periodic packets.
    pub(crate) required_min_rx: Duration,
    pub(crate) multiplier: u8,
    pub(crate) demand: bool,
    /// The C bit.
    pub(crate) independent: bool,
    /// When, or when we began to listen again after a sleep.
    pub(crate) heard_at: Duration,
}

impl Remote {
    pub(crate) const fn new(now: Duration, packet: &Packet) -> Self {
        Self {
            discriminator: packet.my_discriminator,
            state: packet.state,
            diagnostic: packet.diagnostic,
            desired_min_tx: packet.desired_min_tx,
            required_min_rx: packet.required_min_rx,
            multiplier: packet.detect_multiplier,
            demand: packet.demand,
            independent: packet.control_plane_independent,
            heard_at: now,
        }
    }

    /// How long nothing may come from it (RFC 5880 section 6.8.4): its multiplier, times the interval that both agree to.
    pub(crate) fn detection_time(&self, receive: Duration) -> Duration {
        receive.max(self.desired_min_tx) * u32::from(self.multiplier)
    }
}
