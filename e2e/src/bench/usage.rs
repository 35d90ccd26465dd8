//! What a process used, from /proc: ticks of 10 ms are too coarse for what we measure.

use std::time::Duration;

use anyhow::{Context, Result};

/// Memory and processor time of a running process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Most memory it ever had resident, octets (VmHWM).
    pub peak_memory: u64,
    /// Processor time of the threads that it has now (schedstat).
    pub cpu: Duration,
}

impl Usage {
    /// Reads it.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn of(pid: u32) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between listing and reading.
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            nanoseconds += text
                .split_whitespace()
                .next()
                .and_then(|each| each.parse::<u64>().ok())
                .unwrap_or(0);
        }
        Ok(Self {
            peak_memory: peak.context("VmHWM")? * 1024,
            cpu: Duration::from_nanos(nanoseconds),
        })
    }
}
