use tokio::{sync::watch, time::Instant};

/// Whether a write may start: until some instant that the Lease moves on, or always.
#[derive(Clone, Debug)]
pub struct Gate(Option<watch::Receiver<Instant>>);

impl Gate {
    /// Every write may start.
    pub fn open() -> Self {
        Self(None)
    }

    /// Writes may start before the instant that is in `until` at that time.
    pub(crate) fn until(until: watch::Receiver<Instant>) -> Self {
        Self(Some(until))
    }

    /// Whether a write may start now.
    pub fn may_start(&self) -> bool {
        match &self.0 {
            None => true,
            Some(until) => Instant::now() < *until.borrow(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_starts_once_the_gate_is_shut() {
        let (until, receiver) = watch::channel(Instant::now() + Duration::from_secs(10));
        let gate = Gate::until(receiver);
        assert!(gate.may_start());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!gate.may_start());
        until.send_replace(Instant::now() + Duration::from_secs(1));
        assert!(gate.may_start());
    }
}
