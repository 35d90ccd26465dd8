//! Watching from inside a machine while something else is done.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;

use crate::condition::{Seen, await_condition};
use crate::machine::Machine;

/// A bash script with its arguments, which it finds as `$2`, `$3` and so on. It writes a line to the file `$1` as soon as it
/// has begun to see something, and is to end soon after the file has gone.
pub(crate) struct Watch {
    pub(crate) script: &'static str,
    pub(crate) arguments: Vec<String>,
}

/// So that no two files of one run have the same name.
static NEXT: AtomicU32 = AtomicU32::new(0);

impl Machine {
    /// Runs all of `watches` in the container while `work` goes on; what each has printed.
    ///
    /// # Errors
    /// Those of `work`, and when a script fails.
    pub(crate) async fn watch_during<T>(
        self,
        watches: &[Watch],
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<String>)> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let flag = format!("/run/meanwhile-{}-{number}", process::id());
        self.exec(&["touch", &flag]).await?;
        let watching = watches.iter().map(|watch| {
            let command = self.command("bash");
            let command = command.args(["-c", watch.script, "watch", &flag]);
            command.args(&watch.arguments).output()
        });
        // On the heap, as one watch may be the work of another.
        let working = Box::pin(async {
            let result = match self.await_watches(&flag, watches.len()).await {
                Ok(()) => work.await,
                Err(error) => Err(error),
            };
            self.exec(&["rm", "-f", &flag]).await?;
            result
        });
        let (printed, result) = tokio::join!(try_join_all(watching), working);
        Ok((result?, printed?))
    }

    async fn await_watches(self, flag: &str, number: usize) -> Result<()> {
        let sentence = format!("{} is watched by {number}", self.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            let begun = self.exec(&["cat", flag]).await?.lines().count();
            Ok(Seen::when(begun == number, begun))
        })
        .await
        .map(drop)
    }

    /// Ends what a killed run has left watching.
    pub(crate) async fn stop_watching(self) -> Result<()> {
        self.exec(&["bash", "-c", "rm -f /run/meanwhile-*"]).await?;
        Ok(())
    }
}
