//! Running another program, with an error that says what it was and what it printed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;

/// One run of a program, to be completed with arguments.
#[derive(Debug)]
pub struct Command {
    inner: tokio::process::Command,
    input: Vec<u8>,
}

impl Command {
    /// A run of `program`, which is looked for on PATH unless it is a path. It ends when its future is dropped.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut inner = tokio::process::Command::new(program);
        inner.kill_on_drop(true);
        Self {
            inner,
            input: Vec::new(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.inner.arg(argument);
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.inner.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// What the program reads from its standard input; nothing otherwise.
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }

    /// Standard output and error go to ours: for programs that tell of their progress.
    ///
    /// # Errors
    /// When the program cannot be started or exits with another status than 0.
    pub async fn shown(mut self) -> Result<()> {
        let status = self
            .inner
            .stdin(Stdio::null())
            .status()
            .await
            .with_context(|| format!("start {:?}", self.inner.as_std()))?;
        if !status.success() {
            bail!("{:?} ended with {status}", self.inner.as_std());
        }
        Ok(())
    }

    /// Standard output of a successful run.
    ///
    /// # Errors
    /// When the program cannot be started or exits with another status than 0; tells what it printed.
    pub async fn output(mut self) -> Result<String> {
        let output = self.run().await?;
        if !output.status.success() {
            bail!(
                "{:?} ended with {}: {}{}",
                self.inner.as_std(),
                output.status,
                String::from_utf8_lossy(&output.stderr),
                String::from_utf8_lossy(&output.stdout),
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether the run succeeds.
    pub async fn succeeds(mut self) -> bool {
        self.run().await.is_ok_and(|output| output.status.success())
    }

    async fn run(&mut self) -> Result<Output> {
        self.inner
            .stdin(if self.input.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self
            .inner
            .spawn()
            .with_context(|| format!("start {:?}", self.inner.as_std()))?;
        let stdin = child.stdin.take();
        let input = std::mem::take(&mut self.input);
        // A program that ends without reading all of its input shows that by its exit status.
        let feed = async {
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(&input).await;
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        output.with_context(|| format!("run {:?}", self.inner.as_std()))
    }
}
