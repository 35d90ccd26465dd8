//! Connections that last, from any machine of the lab.

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::meanwhile::Watch;

/// Where the lab's web server writes a line every 100 ms until its client has gone.
pub const TICKS: &str = "/ticks";

/// What became of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Lines that came.
    pub ticks: usize,
    /// Whether they came until the client had enough, with less than 3 s between two of them.
    pub whole: bool,
}

impl Machine {
    /// Reads from `number` connections to the page [`TICKS`] at `url` while `work` goes on.
    ///
    /// # Errors
    /// Those of `work`, and when the connections cannot be tried at all.
    pub async fn stream_during<T>(
        self,
        (url, number): (&str, usize),
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<Stream>)> {
        let watch = || Watch {
            script: READING,
            arguments: vec![url.to_owned()],
        };
        let watches: Vec<Watch> = (0..number).map(|_| watch()).collect();
        let (result, printed) = self.watch_during(&watches, work).await?;
        let streams: Result<_> = printed.iter().map(|output| parse(output)).collect();
        Ok((result, streams?))
    }
}

const READING: &str = "ticks=0; whole=true; \
                       exec 3< <(exec curl -sgN \"$2\"); reader=$!; \
                       while [ -e \"$1\" ]; do \
                         if read -r -t 3 -u 3; then ticks=$((ticks + 1)); else whole=false; break; fi; \
                         if [ $ticks = 1 ]; then echo >> \"$1\"; fi; \
                       done; \
                       kill $reader 2> /dev/null; echo \"$ticks $whole\"";

fn parse(output: &str) -> Result<Stream> {
    let (ticks, whole) = output
        .trim()
        .split_once(' ')
        .with_context(|| format!("a stream printed {output:?}"))?;
    Ok(Stream {
        ticks: ticks.parse()?,
        whole: whole == "true",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_became_of_a_connection() {
        let read = |output| parse(output).ok();
        let (whole, ticks) = (true, 31);
        assert_eq!(read("31 true\n"), Some(Stream { ticks, whole }));
        assert!(!read("0 false\n").is_none_or(|stream| stream.whole));
        assert_eq!(read(""), None);
    }
}
