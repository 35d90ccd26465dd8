//! The matrix: every maker's peer with every kind of session, and the table of it in docs/interop.md.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result};

use e2e::netns::{Bird, ExaBgp, Frr, GoBgp};

use crate::action::{Action, cannot};
use crate::cell::{Cell, Dials, Families, Kind};
use crate::maker::Maker;
use crate::session;
use crate::suite::{Outcome, Suite};

const BEGIN: &str = "<!-- matrix: written by make interop-full -->";
const END: &str = "<!-- end of matrix -->";

/// What came of each session's actions.
pub(crate) type Results = BTreeMap<(Maker, Cell), Vec<(Action, Outcome)>>;

/// All sessions with all actions, or few.
#[derive(Clone, Default)]
pub(crate) struct Matrix {
    results: Rc<RefCell<Results>>,
}

impl Matrix {
    /// Every session goes through every action.
    pub(crate) fn add_full(&self, suite: &mut Suite) {
        for kind in Kind::ALL {
            for families in Families::ALL {
                for maker in Maker::ALL {
                    self.add(suite, maker, cell(maker, families, kind), &Action::ALL);
                }
            }
        }
    }

    /// Every kind and all families with every maker's peer, and with one of its sessions every action.
    pub(crate) fn add_brief(&self, suite: &mut Suite) {
        for (row, kind) in Kind::ALL.into_iter().enumerate() {
            for (column, maker) in Maker::ALL.into_iter().enumerate() {
                let families = Families::ALL[(row + column + 2) % Families::ALL.len()];
                let actions: &[Action] = match kind == Kind::External {
                    true => &Action::ALL,
                    false => &Action::BRIEF,
                };
                self.add(suite, maker, cell(maker, families, kind), actions);
            }
        }
    }

    fn add(&self, suite: &mut Suite, maker: Maker, cell: Cell, actions: &'static [Action]) {
        let (name, results) = (format!("{maker}/{cell}"), Rc::clone(&self.results));
        suite.add_story(&name.clone(), async move {
            let steps = match maker {
                Maker::Frr => session::run::<Frr>(maker, cell, actions).await,
                Maker::Bird => session::run::<Bird>(maker, cell, actions).await,
                Maker::GoBgp => session::run::<GoBgp>(maker, cell, actions).await,
                Maker::ExaBgp => session::run::<ExaBgp>(maker, cell, actions).await,
            };
            let outcomes = steps
                .iter()
                .map(|(action, step)| (*action, step.outcome.clone()));
            results
                .borrow_mut()
                .insert((maker, cell), outcomes.collect());
            let named = steps.into_iter().map(|(action, mut step)| {
                step.name = format!("{name}/{action}");
                step
            });
            named.collect()
        });
    }

    /// Writes the table of what has run.
    pub(crate) fn write(&self) -> Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/interop.md");
        let page = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let (before, rest) = page
            .split_once(BEGIN)
            .context("no mark where the matrix begins")?;
        let (_, after) = rest
            .split_once(END)
            .context("no mark where the matrix ends")?;
        let table = table(&self.results.borrow())?;
        std::fs::write(&path, format!("{before}{BEGIN}\n{table}\n{END}{after}"))?;
        Ok(())
    }
}

/// Who dials changes from session to session, so that either does with everything; unless only the peer can.
fn cell(maker: Maker, families: Families, kind: Kind) -> Cell {
    let both = families.carries_ipv4() && families.carries_ipv6();
    let odd = Kind::ALL.iter().position(|each| *each == kind).unwrap() % 2 == 1;
    let cell = Cell::new(families, kind, Dials::They);
    let must = cannot(maker, cell, Action::BothAtOnce).is_some();
    match both == odd && !must {
        true => Cell::new(families, kind, Dials::We),
        false => cell,
    }
}

/// One row for each session, one column for each action; reasons are numbered below.
fn table(results: &Results) -> Result<String> {
    let versions: Vec<_> = Maker::ALL
        .into_iter()
        .map(Maker::version)
        .collect::<Result<_>>()?;
    let titles: Vec<_> = Action::ALL.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "Peers: {}.\n\n| peer | routes | kind | {} |\n|---|---|---|{}\n",
        versions.join(", "),
        titles.join(" | "),
        "---|".repeat(titles.len())
    );
    let (mut reasons, mut count): (Vec<&str>, [usize; 4]) = (Vec::new(), [0; 4]);
    for ((maker, cell), outcomes) in results {
        let Cell {
            families,
            kind,
            dials,
        } = cell;
        write!(text, "| {maker} | {families} | {kind}, {dials} |")?;
        for (_, outcome) in outcomes {
            let (shown, which) = match outcome {
                Outcome::Passed => ("ok".to_owned(), 0),
                Outcome::Failed(_) => ("FAILED".to_owned(), 1),
                Outcome::NotRun => ("not run".to_owned(), 2),
                Outcome::Cannot(reason) => (format!("- ({})", number(&mut reasons, reason)), 3),
            };
            write!(text, " {shown} |")?;
            count[which] += 1;
        }
        text.push('\n');
    }
    let [passed, failed, not_run, cannot] = count;
    writeln!(
        text,
        "\n{passed} ok, {failed} failed, {not_run} not run after a failure, {cannot} that a peer cannot do:\n"
    )?;
    for (at, reason) in reasons.iter().enumerate() {
        writeln!(text, "{}. {reason}.", at + 1)?;
    }
    Ok(text.trim_end().to_owned())
}

/// The number of a reason, which it gets when it is first given.
fn number(reasons: &mut Vec<&'static str>, reason: &'static str) -> usize {
    let known = reasons.iter().position(|each| *each == reason);
    known.unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    }) + 1
}
