//! Stopping: a restart, of which routers should notice nothing, or a departure, of which they learn in time.

use std::time::Duration;

use cluster::Client;
use plan::{DaemonSet, Departure, GIVE_WAY, Stage};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::planner::{Facts, Query, ask};

/// How long it may take until everything is withdrawn; the planner needs a moment besides the time of giving way.
const PATIENCE: Duration = GIVE_WAY.saturating_add(Duration::from_secs(1));

/// How the speaker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It will be back in a moment.
    Restart,
    /// It will not.
    Leave(Departure),
}

/// What is asked, and told, when the speaker is to end.
pub(crate) struct Farewell {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// Name of the DaemonSet that runs the speaker.
    pub(crate) daemon_set: String,
    pub(crate) queries: mpsc::Sender<Query>,
    pub(crate) facts: watch::Receiver<Facts>,
    /// Tells the planner to withdraw everything.
    pub(crate) departed: CancellationToken,
}

impl Farewell {
    /// Decides how the speaker ends. Before a departure everything is withdrawn, and others have had the time to take over.
    pub(crate) async fn prepare(mut self) -> Parting {
        let daemon_set = self.daemon_set().await;
        let departure = ask(&self.queries, move |planner| planner.departure(daemon_set)).await;
        let Some(departure) = departure.flatten() else {
            tracing::info!("stopping to be started anew: routers are to keep the routes");
            return Parting::Restart;
        };
        tracing::info!(reason = %departure, "stopping for good: everything is withdrawn first");
        self.departed.cancel();
        let gone = |facts: &Facts| facts.stage == Stage::Gone || !facts.ready;
        if timeout(PATIENCE, self.facts.wait_for(gone)).await.is_err() {
            tracing::warn!("not everything was withdrawn in time");
        }
        Parting::Leave(departure)
    }

    async fn daemon_set(&self) -> DaemonSet {
        let (namespace, name) = (&*self.namespace, &*self.daemon_set);
        match cluster::daemon_set_stays(&self.client, namespace, name).await {
            Ok(true) => DaemonSet::Stays,
            Ok(false) => DaemonSet::Goes,
            Err(error) => {
                tracing::info!(%error, "it counts as there");
                DaemonSet::Unknown
            }
        }
    }
}

impl Parting {
    /// What routers are told: nothing when the speaker is to be back, so that they keep its routes (RFC 4724), else why it
    /// leaves (RFC 9003).
    pub(crate) fn last_words(self) -> bgp::Farewell {
        match self {
            Self::Restart => bgp::Farewell::Restart,
            Self::Leave(departure) => bgp::Farewell::Leave {
                message: departure.to_string(),
            },
        }
    }

    /// Whether routes and packet filter are of no more use here. On a node that is only cordoned or marked the speaker is
    /// started anew, and pods run on.
    pub(crate) fn ends_pod_network(self) -> bool {
        match self {
            Self::Restart | Self::Leave(Departure::Marked | Departure::Cordoned) => false,
            Self::Leave(
                Departure::DaemonSetGone | Departure::NodeGone | Departure::ShuttingDown,
            ) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::{Json, Router, http::StatusCode};
    use plan::{GateMode, Options, Planner};
    use tokio::{net::TcpListener, task::JoinSet};

    use super::*;

    /// An API server that gives one answer to every question; `None`: it is away.
    async fn api_server(answer: Option<(StatusCode, serde_json::Value)>) -> (Client, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        if let Some((code, body)) = answer {
            let respond = move || async move { (code, Json(body)) };
            let router = Router::new().fallback(respond);
            tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        }
        let mut kubeconfig = tempfile::NamedTempFile::new().unwrap();
        let text = serde_json::json!({
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        });
        write!(kubeconfig, "{text}").unwrap();
        let client = cluster::connect(Some(kubeconfig.path())).await.unwrap();
        (client, tasks)
    }

    /// Says farewell with a planner that knows nothing yet and withdraws when it is told to.
    async fn farewell(client: Client) -> (Parting, Stage) {
        let (queries, mut asked) = mpsc::channel::<Query>(1);
        let (facts, seen) = watch::channel(Facts {
            ready: true,
            ..Facts::default()
        });
        let farewell = Farewell {
            client,
            namespace: "herald-system".to_owned(),
            daemon_set: "herald-speaker".to_owned(),
            queries,
            facts: seen.clone(),
            departed: CancellationToken::new(),
        };
        let departed = farewell.departed.clone();
        let planner = Planner::new(Options {
            node: "node-1".into(),
            ignore_exclude_label: false,
            gate: GateMode::Off,
        });
        let mut planning = JoinSet::new();
        planning.spawn(async move {
            if let Some(query) = asked.recv().await {
                query(&planner);
            }
            departed.cancelled().await;
            facts.send_modify(|facts| facts.stage = Stage::Gone);
            std::future::pending::<()>().await;
        });
        let parting = farewell.prepare().await;
        (parting, seen.borrow().stage)
    }

    #[tokio::test]
    async fn leaves_once_everything_is_withdrawn_when_its_daemon_set_is_gone() {
        let status = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
            "message": "not found",
        });
        let (client, _server) = api_server(Some((StatusCode::NOT_FOUND, status))).await;
        let leaves = Parting::Leave(Departure::DaemonSetGone);
        assert_eq!(farewell(client).await, (leaves, Stage::Gone));
    }

    #[tokio::test]
    async fn restarts_when_its_daemon_set_is_there() {
        let object = serde_json::json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"name": "herald-speaker", "namespace": "herald-system"},
        });
        let (client, _server) = api_server(Some((StatusCode::OK, object))).await;
        assert_eq!(farewell(client).await, (Parting::Restart, Stage::Serving));
    }

    #[tokio::test]
    async fn restarts_when_the_api_server_is_away() {
        let (client, _server) = api_server(None).await;
        assert_eq!(farewell(client).await, (Parting::Restart, Stage::Serving));
    }

    #[test]
    fn pods_of_a_cordoned_or_marked_node_keep_their_routes() {
        assert!(!Parting::Restart.ends_pod_network());
        assert!(!Parting::Leave(Departure::Cordoned).ends_pod_network());
        assert!(!Parting::Leave(Departure::Marked).ends_pod_network());
        assert!(Parting::Leave(Departure::DaemonSetGone).ends_pod_network());
    }
}
