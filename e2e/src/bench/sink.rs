//! Peers that only count: what it costs to receive is kept out of what is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
const HEADER: usize = 19;
/// First of the prefixes that are counted, all of length 32.
const FIRST: u32 = 0x0a00_0000;

/// Listens on port 179 of each address, takes one session on each, and prints one JSON line per session once
/// `expected` prefixes from 10.0.0.0/32 upwards have been announced on it. A number on standard input, answered by a
/// line with `awaiting`, asks for another line per session once so many of them have been announced anew or withdrawn.
/// Keeps sessions until it is killed.
///
/// # Errors
/// When an address cannot be listened on.
pub fn serve_sinks(asn: u32, expected: u32, addresses: &[IpAddr]) -> Result<()> {
    // All listen before the first is dialled.
    let listeners = addresses
        .iter()
        .map(|address| TcpListener::bind((*address, 179)));
    let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
    let goal = Goal::new(expected);
    let reader = goal.clone();
    std::thread::spawn(move || reader.take_from_input());
    let serve = |listener| {
        let goal = goal.clone();
        std::thread::spawn(move || serve(&listener, asn, &goal))
    };
    let threads: Vec<_> = listeners.into_iter().map(serve).collect();
    for thread in threads {
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("a session's thread panicked"))??;
    }
    Ok(())
}

/// How many prefixes all sessions wait for, and how often that has been said.
#[derive(Clone, Debug)]
struct Goal(Arc<Mutex<(u32, u32)>>);

impl Goal {
    fn new(expected: u32) -> Self {
        Self(Arc::new(Mutex::new((expected, 0))))
    }

    fn now(&self) -> (u32, u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_from_input(&self) -> Result<()> {
        for line in std::io::stdin().lock().lines() {
            let expected: u32 = line?.trim().parse()?;
            let mut goal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *goal = (expected, goal.1 + 1);
            writeln!(std::io::stdout(), "{}", json!({"awaiting": expected}))?;
        }
        Ok(())
    }
}

/// One session after the other; a first connection may lose to a second one.
fn serve(listener: &TcpListener, asn: u32, goal: &Goal) -> Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        let mut session = Session::new(stream, goal.clone())?;
        if let Err(error) = session.run(asn) {
            writeln!(std::io::stderr(), "session ended: {error:#}")?;
        }
    }
}

struct Session {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    goal: Goal,
    /// Which goal the rest is about.
    number: u32,
    expected: u32,
    /// One bit for each expected prefix.
    seen: Vec<u64>,
    missing: u32,
    established: Option<Instant>,
    first: Option<Instant>,
    messages: u64,
}

impl Session {
    fn new(stream: TcpStream, goal: Goal) -> Result<Self> {
        stream.set_nodelay(true)?;
        let writer = stream.try_clone()?;
        let (expected, number) = goal.now();
        Ok(Self {
            reader: BufReader::with_capacity(256 * 1024, stream),
            writer,
            goal,
            number,
            expected,
            seen: room_for(expected)?,
            missing: expected,
            established: None,
            first: None,
            messages: 0,
        })
    }

    fn run(&mut self, asn: u32) -> Result<()> {
        let mut kept_alive = Instant::now();
        let mut buffer = [0; 65536];
        loop {
            let mut header = [0; HEADER];
            self.reader.read_exact(&mut header)?;
            let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
            let body = buffer
                .get_mut(..length.saturating_sub(HEADER))
                .context("length")?;
            self.reader.read_exact(body)?;
            match header[18] {
                OPEN => {
                    // The other side is Established once it has read this, so nothing it then does is missed.
                    self.established.get_or_insert_with(Instant::now);
                    let answer = [open(asn)?, message(KEEPALIVE, &[])?].concat();
                    self.writer.write_all(&answer)?;
                }
                UPDATE => self.count(&buffer, length - HEADER)?,
                NOTIFICATION => anyhow::bail!("NOTIFICATION {:?}", buffer.get(..2)),
                _ => {}
            }
            if kept_alive.elapsed() > Duration::from_secs(20) {
                self.writer.write_all(&message(KEEPALIVE, &[])?)?;
                kept_alive = Instant::now();
            }
        }
    }

    fn count(&mut self, buffer: &[u8], length: usize) -> Result<()> {
        let body = buffer.get(..length).context("length")?;
        let withdrawn = field(body, 0)?;
        let attributes = field(body, 2 + withdrawn)?;
        let gone = body.get(2..2 + withdrawn).context("withdrawn routes")?;
        let come = body
            .get(4 + withdrawn + attributes..)
            .context("attributes")?;
        self.look_at_goal()?;
        // What is withdrawn before all has been there is none of this.
        let gone = if self.number == 0 { &[] } else { gone };
        if (come.is_empty() && gone.is_empty()) || self.missing == 0 {
            return Ok(());
        }
        self.messages += 1;
        self.first.get_or_insert_with(Instant::now);
        for mut prefixes in [gone, come] {
            while let Some(([32, a, b, c, d], rest)) = prefixes.split_first_chunk::<5>() {
                self.mark(u32::from_be_bytes([*a, *b, *c, *d]));
                prefixes = rest;
            }
            ensure!(prefixes.is_empty(), "a prefix that is not of length 32");
        }
        if self.missing == 0 {
            self.report(Instant::now())
        } else {
            Ok(())
        }
    }

    /// Begins anew when something else is waited for.
    fn look_at_goal(&mut self) -> Result<()> {
        let (expected, number) = self.goal.now();
        if number != self.number {
            self.number = number;
            self.expected = expected;
            self.seen = room_for(expected)?;
            self.missing = expected;
            (self.established, self.first, self.messages) = (None, None, 0);
        }
        Ok(())
    }

    fn mark(&mut self, address: u32) {
        let index = address.wrapping_sub(FIRST);
        let word = self.seen.get_mut(index as usize / 64);
        let Some(word) = word.filter(|_| index < self.expected) else {
            return;
        };
        let bit = 1 << (index % 64);
        if *word & bit == 0 {
            *word |= bit;
            self.missing -= 1;
        }
    }

    fn report(&self, now: Instant) -> Result<()> {
        let since = |start: Option<Instant>| start.map(|start| (now - start).as_secs_f64());
        let line = json!({
            "established_to_last": since(self.established),
            "first_to_last": since(self.first),
            "messages": self.messages,
        });
        Ok(writeln!(std::io::stdout(), "{line}")?)
    }
}

fn room_for(prefixes: u32) -> Result<Vec<u64>> {
    Ok(vec![0; usize::try_from(prefixes.div_ceil(64))?])
}

fn field(body: &[u8], at: usize) -> Result<usize> {
    let bytes = body.get(at..at + 2).context("length of a field")?;
    Ok(bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn message(kind: u8, body: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(HEADER + body.len())?;
    Ok([[0xff; 16].as_slice(), &length.to_be_bytes(), &[kind], body].concat())
}

/// Hold time 180 s; IPv4 unicast, 4-octet AS numbers.
fn open(asn: u32) -> Result<Vec<u8>> {
    let asn4 = asn.to_be_bytes();
    let asn2 = u16::try_from(asn).unwrap_or(23456).to_be_bytes();
    let capabilities = [[2, 12, 1, 4, 0, 1, 0, 1, 65, 4].as_slice(), &asn4].concat();
    let identifier = [10, 0, 9, 2];
    let length = [u8::try_from(capabilities.len())?];
    message(
        OPEN,
        &[
            &[4],
            asn2.as_slice(),
            &[0, 180],
            &identifier,
            &length,
            &capabilities,
        ]
        .concat(),
    )
}
