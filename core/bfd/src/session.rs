mod transmit;

use core::time::Duration;

use crate::{
    Diagnostic, Discarded, Packet, PeerConfig, SessionView, State,
    jitter::Jitter,
    negotiation::{Negotiation, Parameters},
    random::Random,
    remote::Remote,
    state::{Event, transition},
};
use transmit::Outbox;

/// One session (RFC 5880 section 6.8.1).
#[derive(Debug)]
pub(crate) struct Session {
    config: PeerConfig,
    discriminator: u32,
    state: State,
    diagnostic: Diagnostic,
    since: Duration,
    negotiation: Negotiation,
    /// `None`: bfd.RemoteDiscr is 0, and with it all else that is known of the peer is forgotten.
    remote: Option<Remote>,
    outbox: Outbox,
    flaps: u64,
    received: u64,
}

/// A session's state changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) diagnostic: Diagnostic,
    pub(crate) remote_admin_down: bool,
    pub(crate) remote_independent: bool,
}

impl Session {
    pub(crate) fn new(
        now: Duration,
        config: PeerConfig,
        discriminator: u32,
        random: &mut Random,
    ) -> Self {
        let state = State::Down;
        let parameters = Parameters::wanted(&config.profile, state);
        Self {
            outbox: Outbox::new(Jitter::roll(parameters.multiplier, random)),
            config,
            discriminator,
            state,
            diagnostic: Diagnostic::None,
            since: now,
            negotiation: Negotiation::new(parameters),
            remote: None,
            flaps: 0,
            received: 0,
        }
    }

    pub(crate) const fn config(&self) -> &PeerConfig {
        &self.config
    }

    /// The same peer is wanted with other parameters, or again.
    pub(crate) fn handle_config(&mut self, now: Duration, config: PeerConfig) -> Option<Change> {
        self.config = config;
        let change = self.apply(now, Event::Enable);
        if change.is_some() {
            self.forget_remote();
            self.outbox.speak();
        }
        self.announce();
        change
    }

    /// Takes a packet of this session's peer.
    pub(crate) fn handle_packet(
        &mut self,
        now: Duration,
        packet: &Packet,
    ) -> Result<Option<Change>, Discarded> {
        self.remote = Some(Remote::new(now, packet));
        if self.state == State::AdminDown {
            return Err(Discarded::AdminDown);
        }
        self.received += 1;
        self.negotiation.handle_packet(now, packet.is_final);
        let change = self.apply(now, Event::received(packet.state));
        self.announce();
        if packet.poll {
            self.outbox.answer();
        }
        Ok(change)
    }

    /// Misses the peer when its time is over.
    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Option<Change> {
        self.detection_deadline().filter(|at| *at <= now)?;
        let change = self.apply(now, Event::DetectionTimeExpires);
        self.forget_remote();
        self.announce();
        change
    }

    /// Nobody listened: the peer's time begins anew.
    pub(crate) const fn handle_stopped(&mut self, now: Duration) {
        if let Some(remote) = &mut self.remote {
            remote.heard_at = now;
        }
    }

    /// Takes the session down for good; [`Self::is_over`] when the peer knows.
    pub(crate) fn handle_leave(&mut self, now: Duration) -> Option<Change> {
        let change = self.apply(now, Event::Disable)?;
        self.announce();
        let interval = self.transmit_interval();
        self.outbox.take_leave(now, interval);
        Some(change)
    }

    /// When something is to be done; zero: at once.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let last_words = self.outbox.leave_ends_at();
        [
            self.detection_deadline(),
            self.transmit_deadline(),
            last_words,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn view(&self) -> SessionView {
        let remote = self.remote.as_ref();
        SessionView {
            peer: self.config.name.clone(),
            state: self.state,
            remote_state: remote.map_or(State::Down, |remote| remote.state),
            diagnostic: self.diagnostic,
            remote_diagnostic: remote.map_or(Diagnostic::None, |remote| remote.diagnostic),
            since: self.since,
            detection_time: self.detection_time(),
            transmit_interval: self.transmit_interval(),
            local_discriminator: self.discriminator,
            remote_discriminator: remote.map(|remote| remote.discriminator),
            flaps: self.flaps,
            packets_sent: self.outbox.sent(),
            packets_received: self.received,
        }
    }

    fn apply(&mut self, now: Duration, event: Event) -> Option<Change> {
        let from = self.state;
        let (to, diagnostic) = transition(from, event)?;
        self.state = to;
        self.diagnostic = diagnostic;
        self.since = now;
        if from == State::Up || to == State::Up {
            self.negotiation.end_poll();
        }
        if from == State::Up && to == State::Down {
            self.flaps += 1;
        }
        Some(Change {
            from,
            to,
            diagnostic,
            remote_admin_down: event == Event::ReceiveAdminDown,
            remote_independent: self.remote.is_some_and(|remote| remote.independent),
        })
    }

    /// Says what the profile wants now.
    fn announce(&mut self) {
        let wanted = Parameters::wanted(&self.config.profile, self.state);
        self.negotiation.announce(wanted, self.state == State::Up);
        // Nobody is there to answer, or nobody is going to be listened to.
        if self.remote.is_none() || self.state == State::AdminDown {
            self.negotiation.end_poll();
        }
    }

    fn forget_remote(&mut self) {
        self.remote = None;
        self.outbox.forget();
        self.negotiation.end_poll();
    }

    fn detection_time(&self) -> Option<Duration> {
        let remote = self.remote.as_ref()?;
        Some(remote.detection_time(self.negotiation.receive()))
    }

    fn detection_deadline(&self) -> Option<Duration> {
        let remote = self.remote.as_ref()?;
        let listens = self.state != State::AdminDown;
        listens.then_some(remote.heard_at.saturating_add(self.detection_time()?))
    }
}
