//! One watch from its first list until nobody listens any more.

use std::{fmt::Debug, future::Future, pin::pin, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::StreamExt;
use kube::{
    Api, Resource,
    runtime::watcher::{self, watcher},
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::watch::{
    absence::Absence,
    translate::{Heard, Parse, Translator},
};

/// Objects per page of a list: what a page costs in memory while it is parsed.
const PAGE: u32 = 100;

/// What a watch tells besides objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Followed<T> {
    /// An object or the end of a list.
    Heard(Heard<T>),
    /// The kind counts as empty.
    NotServed,
    /// The first failure of a row.
    Failed(String),
}

/// The reader is gone; the watch ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct NobodyListens;

/// Where a watch tells what it hears.
pub(super) trait Sink<T>: Send {
    /// Hands it over, waiting while the reader is busy.
    fn tell(
        &mut self,
        followed: Followed<T>,
    ) -> impl Future<Output = Result<(), NobodyListens>> + Send;
}

/// One watch: what, selected how, parsed how, and how long it may be missing.
pub(super) struct Watch<K, T> {
    pub(super) api: Api<K>,
    pub(super) selection: watcher::Config,
    pub(super) parse: fn(&K) -> Parse<T>,
    pub(super) patience: Duration,
}

/// Follows `watch` for as long as somebody listens to `sink`.
pub(super) async fn follow<K, T>(watch: Watch<K, T>, mut sink: impl Sink<T>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut absence = Absence::new(watch.patience);
    // A 404 ends the stream: one that has listed before would never list again by itself.
    while let Ok(pause) = follow_until_missing(&watch, &mut absence, &mut sink).await {
        tokio::time::sleep(pause).await;
    }
}

async fn follow_until_missing<K, T>(
    watch: &Watch<K, T>,
    absence: &mut Absence,
    sink: &mut impl Sink<T>,
) -> Result<Duration, NobodyListens>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let kind = K::kind(&());
    let mut translator = Translator::new(watch.parse);
    let mut pauses = pauses();
    let mut failing = false;
    let mut stream = pin!(watcher(
        watch.api.clone(),
        watch.selection.clone().page_size(PAGE)
    ));
    while let Some(result) = stream.next().await {
        match result {
            // Told before the first request: says nothing of the API server.
            Ok(event @ watcher::Event::Init) => {
                translator.handle(event);
            }
            Ok(event) => {
                if std::mem::take(&mut failing) {
                    tracing::info!(%kind, "watch works again");
                    pauses = self::pauses();
                }
                absence.handle_served();
                if let Some(heard) = translator.handle(event) {
                    sink.tell(Followed::Heard(heard)).await?;
                }
            }
            Err(error) if code(&error) == Some(404) => {
                let verdict = absence.handle_missing(elapsed());
                if verdict.report {
                    tracing::warn!(%kind, "the API server does not serve this kind; it counts as empty (KindNotServed)");
                    sink.tell(Followed::NotServed).await?;
                }
                return Ok(verdict.retry_after);
            }
            // The version to watch from is too old: the stream lists again by itself.
            Err(error) if code(&error) == Some(410) => tokio::time::sleep(SHORTEST_PAUSE).await,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%kind, %error, "watch failed");
                    sink.tell(Followed::Failed(error.to_string())).await?;
                }
                tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
            }
        }
    }
    Ok(LONGEST_PAUSE)
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(SHORTEST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Time on a clock that only differences are taken of.
fn elapsed() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => None,
    }
}
