//! Work that a busy planner must not starve: each on a thread with a runtime of its own.

use std::time::Duration;

use tokio::{runtime, sync::oneshot};
use tokio_util::sync::CancellationToken;

/// A thread that ends when it is asked to.
pub(crate) struct Thread {
    name: &'static str,
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Thread {
    /// Runs `work` until it is done with what has to be done after `stop`. `prepare` is called on the thread first.
    ///
    /// # Errors
    /// The kernel gives no thread, or no descriptors for its runtime.
    pub(crate) fn start<F: Future<Output = ()>>(
        name: &'static str,
        stop: CancellationToken,
        prepare: impl FnOnce() + Send + 'static,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                prepare();
                runtime.block_on(async { work().await });
                // Nobody waits any more when the goodbye took too long.
                let _ = end.send(());
            })?;
        Ok(Self { name, stop, ended })
    }

    /// Waits until it ends by itself, which it should not.
    pub(crate) async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }

    /// Asks it to end, and gives it so much time for that.
    pub(crate) async fn close(mut self, patience: Duration) {
        self.stop.cancel();
        let ended = tokio::time::timeout(patience, &mut self.ended).await;
        if ended.is_err() {
            tracing::warn!(thread = self.name, "it did not end in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_when_it_is_asked_to_and_not_before() {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (begin, begun) = oneshot::channel();
        let mut thread = Thread::start(
            "work",
            stop,
            move || drop(begin.send(std::thread::current().name().map(str::to_owned))),
            move || stopped.cancelled_owned(),
        )
        .unwrap();
        assert_eq!(begun.await.unwrap().as_deref(), Some("work"));
        assert!(thread.ended.try_recv().is_err());
        thread.close(Duration::from_secs(30)).await;
    }

    #[tokio::test]
    async fn says_when_its_work_panics() {
        let work = || async { panic!("an error of ours") };
        let mut thread = Thread::start("work", CancellationToken::new(), || (), work).unwrap();
        thread.ended().await;
    }
}
