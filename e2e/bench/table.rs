//! Writes the figures of `target/bench/*.json` into `docs/benchmarks.md`, between its two marks.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use e2e::bench::{Row, System, read_all};

const BEGIN: &str = "<!-- figures: written by bench-table -->";
const END: &str = "<!-- end of figures -->";

fn main() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let page = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (before, rest) = page
        .split_once(BEGIN)
        .context("the page has no mark where figures begin")?;
    let (_, after) = rest
        .split_once(END)
        .context("the page has no mark where figures end")?;
    let figures = format!("{}\n\n{}", machine()?, table(&read_all()?)?);
    std::fs::write(&path, format!("{before}{BEGIN}\n{figures}\n{END}{after}"))?;
    Ok(())
}

/// One line about where the figures come from.
fn machine() -> Result<String> {
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let memory = memory
        .split_whitespace()
        .nth(1)
        .context("MemTotal")?
        .parse::<u64>()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or_default();
    let mut line = format!(
        "Machine: {} processors, {} GB of memory, kernel {}; load when this was written: {load}.",
        std::thread::available_parallelism()?,
        memory.div_ceil(1 << 20),
        kernel.trim(),
    );
    let versions = [
        ("BIRD", "bird", "--version"),
        ("FRR", "/usr/lib/frr/bgpd", "--version"),
        ("GoBGP", "gobgpd", "--version"),
    ];
    for (name, program, argument) in versions {
        let Ok(output) = Command::new(program).arg(argument).output() else {
            continue;
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let mut words = said.split_whitespace();
        if let Some(version) =
            words.find(|word| word.starts_with(|each: char| each.is_ascii_digit()))
        {
            write!(line, " {name} {version}.")?;
        }
    }
    Ok(line)
}

/// One line per figure, one column per system that has any.
fn table(rows: &[Row]) -> Result<String> {
    let mut systems: Vec<System> = rows.iter().map(|row| row.system).collect();
    systems.sort_unstable();
    systems.dedup();
    let mut lines: BTreeMap<&str, BTreeMap<System, &Row>> = BTreeMap::new();
    for row in rows {
        lines.entry(&row.name).or_default().insert(row.system, row);
    }
    let names: Vec<_> = systems.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "| figure | {} |\n|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for (name, figures) in lines {
        let cell = |system| {
            figures
                .get(system)
                .map_or_else(String::new, |row| shown(row))
        };
        let cells: Vec<_> = systems.iter().map(cell).collect();
        writeln!(text, "| {name} | {} |", cells.join(" | "))?;
    }
    Ok(text)
}

/// Median, worst in parentheses.
fn shown(row: &Row) -> String {
    match row.unit.as_str() {
        "s" => format!("{:.1} ms ({:.1})", row.value * 1e3, row.worst * 1e3),
        "ratio" => format!("{:.3} ({:.3})", row.value, row.worst),
        "messages" | "requests" | "flaps" => format!("{:.0} ({:.0})", row.value, row.worst),
        "%" => format!("{:.2} % ({:.2})", row.value, row.worst),
        unit => format!("{:.1} {unit} ({:.1})", row.value, row.worst),
    }
}
