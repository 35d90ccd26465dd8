use axum::{Router, http::StatusCode, routing::get};
use tokio::sync::watch;

/// What a probe answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// 200.
    Good,
    /// 503 with a sentence that says why.
    Bad(String),
}

/// `/healthz` and `/readyz` of one process; clones share their state.
#[derive(Clone, Debug)]
pub struct Probes {
    live: watch::Sender<Health>,
    ready: watch::Sender<Health>,
}

impl Probes {
    /// Alive, and not ready until [`Self::set_ready`] says so.
    pub fn new() -> Self {
        Self {
            live: watch::Sender::new(Health::Good),
            ready: watch::Sender::new(Health::Bad("starting".to_owned())),
        }
    }

    /// What `/healthz` answers from now on: bad means that only a restart helps.
    pub fn set_live(&self, health: Health) {
        self.live.send_replace(health);
    }

    /// What `/readyz` answers from now on.
    pub fn set_ready(&self, health: Health) {
        self.ready.send_replace(health);
    }

    /// `GET /healthz` and `GET /readyz`.
    pub fn router(&self) -> Router {
        let (live, ready) = (self.live.clone(), self.ready.clone());
        Router::new()
            .route("/healthz", get(move || answer(live.clone())))
            .route("/readyz", get(move || answer(ready.clone())))
    }
}

impl Default for Probes {
    fn default() -> Self {
        Self::new()
    }
}

async fn answer(health: watch::Sender<Health>) -> (StatusCode, String) {
    match health.borrow().clone() {
        Health::Good => (StatusCode::OK, "ok\n".to_owned()),
        Health::Bad(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n"),
    }
}
