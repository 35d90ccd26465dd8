//! Runs cases and stories side by side and counts.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

/// How many cases run at once: they mostly wait.
const WIDTH: usize = 8;

/// How one step of a story ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Passed,
    /// Why.
    Failed(String),
    /// An earlier step failed.
    NotRun,
    /// Not tried, for this reason.
    Cannot(&'static str),
}

/// One step that is over.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

type Named = (String, Pin<Box<dyn Future<Output = Vec<Step>>>>);

/// Named cases, which are stories of one step, and longer stories.
pub(crate) struct Suite {
    wanted: Vec<String>,
    stories: Vec<Named>,
    left_out: usize,
}

#[derive(Default)]
struct Count {
    passed: usize,
    ignored: usize,
    failures: Vec<(String, String)>,
}

impl Suite {
    /// Takes what has a name that contains one of the arguments; without arguments all.
    pub(crate) fn from_arguments() -> Self {
        let wanted = std::env::args()
            .skip(1)
            .filter(|argument| !argument.starts_with('-'));
        Self {
            wanted: wanted.collect(),
            stories: Vec::new(),
            left_out: 0,
        }
    }

    /// Whether it leaves out what has other names.
    pub(crate) fn is_part(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Adds a case, to be run later.
    pub(crate) fn add(&mut self, name: &str, case: impl Future<Output = Result<()>> + 'static) {
        let only = name.to_owned();
        self.add_story(name, async move {
            let started = Instant::now();
            let outcome = match case.await {
                Ok(()) => Outcome::Passed,
                Err(error) => Outcome::Failed(format!("{error:#}")),
            };
            vec![Step {
                name: only,
                outcome,
                took: started.elapsed(),
            }]
        });
    }

    /// Adds a story, to be run later.
    pub(crate) fn add_story(
        &mut self,
        name: &str,
        story: impl Future<Output = Vec<Step>> + 'static,
    ) {
        if self.wanted.is_empty() || self.wanted.iter().any(|part| name.contains(part)) {
            self.stories.push((name.to_owned(), Box::pin(story)));
        } else {
            self.left_out += 1;
        }
    }

    /// Runs them all.
    pub(crate) fn run(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime");
        let (stories, left_out, started) = (self.stories, self.left_out, Instant::now());
        let count = LocalSet::new().block_on(&runtime, run(stories));
        let Count {
            passed,
            ignored,
            failures,
        } = count;
        for (name, error) in &failures {
            say(&format!("\n---- {name} stdout ----\n{error}"));
        }
        // As libtest ends its runs, for whoever counts.
        let result = if failures.is_empty() { "ok" } else { "FAILED" };
        say(&format!(
            "\ntest result: {result}. {passed} passed; {} failed; {ignored} ignored; 0 measured; {left_out} filtered \
             out; finished in {:.2}s",
            failures.len(),
            started.elapsed().as_secs_f64()
        ));
        if failures.is_empty() && passed > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

async fn run(stories: Vec<Named>) -> Count {
    let slots = Rc::new(Semaphore::new(WIDTH));
    let mut running = JoinSet::new();
    for (name, story) in stories {
        let slots = Rc::clone(&slots);
        running.spawn_local(async move {
            let _slot = slots.acquire().await;
            let steps = tokio::task::spawn_local(story).await;
            (name, steps)
        });
    }
    let mut count = Count::default();
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((_, Ok(steps))) => steps.into_iter().for_each(|step| count.add(step)),
            Ok((name, Err(panic))) => count.failures.push((name, panic.to_string())),
            Err(panic) => count
                .failures
                .push(("a case".to_owned(), panic.to_string())),
        }
    }
    count
}

impl Count {
    fn add(&mut self, step: Step) {
        let Step {
            name,
            outcome,
            took,
        } = step;
        let seconds = took.as_secs_f64();
        let shown = match outcome {
            Outcome::Passed => {
                self.passed += 1;
                format!("ok ({seconds:.1} s)")
            }
            Outcome::Failed(error) => {
                self.failures.push((name.clone(), error));
                format!("FAILED ({seconds:.1} s)")
            }
            Outcome::NotRun => {
                self.ignored += 1;
                "ignored, as an earlier step failed".to_owned()
            }
            Outcome::Cannot(reason) => {
                self.ignored += 1;
                format!("ignored, {reason}")
            }
        };
        say(&format!("test {name} ... {shown}"));
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
