//! Runs cases side by side and counts.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Result;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

/// How many cases run at once: they mostly wait.
const WIDTH: usize = 8;

type Named = (String, Pin<Box<dyn Future<Output = Result<()>>>>);

/// Named cases.
pub(crate) struct Suite {
    wanted: Vec<String>,
    cases: Vec<Named>,
    left_out: usize,
}

impl Suite {
    /// Takes the cases whose names contain one of the arguments; without arguments all.
    pub(crate) fn from_arguments() -> Self {
        let wanted = std::env::args()
            .skip(1)
            .filter(|argument| !argument.starts_with('-'));
        Self {
            wanted: wanted.collect(),
            cases: Vec::new(),
            left_out: 0,
        }
    }

    /// Adds a case, to be run later.
    pub(crate) fn add(&mut self, name: &str, case: impl Future<Output = Result<()>> + 'static) {
        if self.wanted.is_empty() || self.wanted.iter().any(|part| name.contains(part)) {
            self.cases.push((name.to_owned(), Box::pin(case)));
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
        let (cases, left_out, started) = (self.cases, self.left_out, Instant::now());
        let (passed, failures) = LocalSet::new().block_on(&runtime, run(cases));
        for (name, error) in &failures {
            say(&format!("\n---- {name} stdout ----\n{error}"));
        }
        // As libtest ends its runs, for whoever counts.
        let (result, failed) = if failures.is_empty() {
            ("ok", 0)
        } else {
            ("FAILED", failures.len())
        };
        say(&format!(
            "\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {left_out} filtered \
             out; finished in {:.2}s",
            started.elapsed().as_secs_f64()
        ));
        if failed == 0 && passed > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

async fn run(cases: Vec<Named>) -> (usize, Vec<(String, String)>) {
    let slots = Rc::new(Semaphore::new(WIDTH));
    let mut running = JoinSet::new();
    for (name, case) in cases {
        let slots = Rc::clone(&slots);
        running.spawn_local(async move {
            let _slot = slots.acquire().await;
            let started = Instant::now();
            let result = case.await;
            let outcome = if result.is_ok() { "ok" } else { "FAILED" };
            let seconds = started.elapsed().as_secs_f64();
            say(&format!("test {name} ... {outcome} ({seconds:.1} s)"));
            (name, result)
        });
    }
    let (mut passed, mut failures) = (0, Vec::new());
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((_, Ok(()))) => passed += 1,
            Ok((name, Err(error))) => failures.push((name, format!("{error:#}"))),
            Err(panic) => failures.push(("a case".to_owned(), panic.to_string())),
        }
    }
    (passed, failures)
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
