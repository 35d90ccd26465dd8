//! Several candidates and one API server under a virtual clock of milliseconds: requests are lost,
//! late and strayed, answers are late or lost, processes freeze. Two of them never write at once.

use proptest::prelude::*;

use super::*;

const TICK: u64 = 100;
const REQUEST_TIMEOUT: u64 = 4_000;
/// Longest time after which a request that its sender gave up still reaches the server.
const STRAY: u64 = 30_000;

/// What happens to one request, and to its process after it.
#[derive(Clone, Copy, Debug)]
struct Weather {
    /// Milliseconds until the server acts.
    request: u64,
    /// Milliseconds from there until the answer is back.
    answer: u64,
    /// Milliseconds for which the process stands still after sending.
    freeze: u64,
    /// The request never arrives.
    lost: bool,
}

const CALM: Weather = Weather {
    request: 50,
    answer: 50,
    freeze: 0,
    lost: false,
};

#[derive(Clone, Debug)]
enum Request {
    Read,
    Claim {
        version: Option<String>,
        identity: String,
    },
}

#[derive(Clone, Debug)]
enum Answer {
    Read(Option<Record>),
    Claimed(Record),
    Conflict,
}

/// A request under way, as its sender sees it.
#[derive(Debug)]
struct Waiting {
    id: usize,
    began: u64,
    arrives: u64,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Process {
    candidate: Candidate,
    /// Zero of its clock: processes start at different times.
    started: u64,
    frozen_until: u64,
    waiting: Option<Waiting>,
    /// End of its last write to other objects.
    writing_until: u64,
}

#[derive(Debug, Default)]
struct World {
    record: Option<Record>,
    /// Requests on their way: when they arrive, their number, what they want.
    requests: Vec<(u64, usize, Request)>,
    /// Numbers handed out: requests, versions, identities.
    count: usize,
}

impl World {
    fn number(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    /// The server acts on what has arrived by `now`.
    fn act(&mut self, now: u64, processes: &mut [Process]) {
        let (due, later) = self.requests.drain(..).partition(|(at, ..)| *at <= now);
        self.requests = later;
        let due: Vec<(u64, usize, Request)> = due;
        for (_, id, request) in due {
            let answer = self.answer(request);
            let waiting = processes
                .iter_mut()
                .filter_map(|process| process.waiting.as_mut());
            if let Some(waiting) = waiting.into_iter().find(|waiting| waiting.id == id) {
                waiting.answer = Some(answer);
            }
        }
    }

    fn answer(&mut self, request: Request) -> Answer {
        let Request::Claim { version, identity } = request else {
            return Answer::Read(self.record.clone());
        };
        if self.record.as_ref().map(|record| &record.version) != version.as_ref() {
            return Answer::Conflict;
        }
        let version = self.number().to_string();
        let record = Record {
            version,
            holder: identity,
            duration: DURATION,
        };
        self.record = Some(record.clone());
        Answer::Claimed(record)
    }
}

impl Process {
    fn new(now: u64, world: &mut World) -> Self {
        Self {
            candidate: Candidate::new(format!("process-{}", world.number())),
            started: now,
            frozen_until: 0,
            waiting: None,
            writing_until: 0,
        }
    }

    fn local(&self, now: u64) -> Duration {
        Duration::from_millis(now - self.started)
    }

    fn step(&mut self, now: u64, world: &mut World, weather: impl FnOnce() -> Weather) {
        if self
            .waiting
            .as_ref()
            .is_some_and(|waiting| waiting.arrives <= now)
        {
            self.hear(now);
        }
        if self.waiting.is_some() {
            return;
        }
        let request = match self.candidate.poll(self.local(now)) {
            Step::Wait(_) => return,
            Step::Read => Request::Read,
            Step::Claim(version) => Request::Claim {
                version,
                identity: self.candidate.identity.clone(),
            },
            // The process exits, and another one starts in its place; its last write may go on.
            Step::Lost => {
                let writing_until = self.writing_until;
                *self = Self {
                    writing_until,
                    ..Self::new(now, world)
                };
                return;
            }
        };
        let (weather, id) = (weather(), world.number());
        if !weather.lost {
            world.requests.push((now + weather.request, id, request));
        }
        let arrives = now + (weather.request + weather.answer).min(REQUEST_TIMEOUT);
        self.waiting = Some(Waiting {
            id,
            began: now,
            arrives,
            answer: None,
        });
        self.frozen_until = now + weather.freeze;
    }

    fn hear(&mut self, now: u64) {
        let Some(Waiting {
            began,
            answer,
            arrives,
            ..
        }) = self.waiting.take()
        else {
            return;
        };
        let in_time = arrives < began + REQUEST_TIMEOUT;
        let (began, now) = (self.local(began), self.local(now));
        match answer.filter(|_| in_time) {
            Some(Answer::Read(record)) => self.candidate.handle_read(now, record),
            Some(Answer::Claimed(record)) => self.candidate.handle_claimed(began, now, record),
            Some(Answer::Conflict) => self.candidate.handle_conflict(now),
            None => self.candidate.handle_failed(began, now),
        }
    }

    fn may_write(&self, now: u64) -> bool {
        self.candidate
            .may_write_until()
            .is_some_and(|until| self.local(now) < until)
    }
}

/// Runs the processes that start at `starts`, each of whom writes whenever it may, every write
/// taking `write` milliseconds. Counts the ticks at which somebody writes.
fn run(
    starts: &[u64],
    write: u64,
    ticks: u64,
    mut weather: impl FnMut(usize) -> Weather,
) -> Result<u64, String> {
    let mut world = World::default();
    let mut processes: Vec<Process> = starts
        .iter()
        .map(|at| Process::new(*at, &mut world))
        .collect();
    let mut led = 0;
    for now in (0..ticks).map(|tick| tick * TICK) {
        world.act(now, &mut processes);
        for (number, process) in processes.iter_mut().enumerate() {
            if now >= process.started.max(process.frozen_until) {
                process.step(now, &mut world, || weather(number));
                if process.may_write(now) {
                    process.writing_until = now + write;
                }
            }
        }
        let writing = processes
            .iter()
            .filter(|process| now < process.writing_until)
            .count();
        if writing > 1 {
            return Err(format!("{writing} write at {now} ms: {processes:?}"));
        }
        led += u64::from(writing == 1);
    }
    Ok(led)
}

fn weather() -> impl Strategy<Value = Weather> {
    let late = prop_oneof![6 => 0..50_u64, 2 => 0..3_900_u64, 1 => 4_000..STRAY];
    let freeze = prop_oneof![12 => Just(0_u64), 1 => 0..25_000_u64];
    (late.clone(), late, freeze, prop::bool::weighted(0.1)).prop_map(
        |(request, answer, freeze, lost)| Weather {
            request,
            answer,
            freeze,
            lost,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn two_processes_never_write_at_one_time(
        weather in prop::collection::vec(weather(), 1..200),
        starts in prop::array::uniform3(0..20_000_u64),
    ) {
        let mut weather = weather.iter().cycle();
        let led = run(&starts, REQUEST_TIMEOUT, 3_000, |_| *weather.next().unwrap());
        prop_assert!(led.is_ok(), "{}", led.unwrap_err());
    }

    #[test]
    fn somebody_leads_from_the_first_moments_on_while_the_network_works(
        starts in prop::array::uniform3(0..1_000_u64),
        answer in 0..1_500_u64,
    ) {
        let led = run(&starts, REQUEST_TIMEOUT, 3_000, |_| Weather { answer, ..CALM });
        let led = led.map_err(TestCaseError::fail)?;
        prop_assert!(led > 2_900, "{led}");
    }
}

/// A leader that the network leaves right after its second renewal; the other one sees all.
fn leader_cut_off(write: u64) -> Result<u64, String> {
    let mut requests = 0;
    run(&[0, 1_000], write, 600, |process| {
        requests += u64::from(process == 0);
        Weather {
            lost: process == 0 && requests > 3,
            ..CALM
        }
    })
}

#[test]
fn a_leader_that_is_cut_off_is_replaced() {
    let led = leader_cut_off(REQUEST_TIMEOUT).unwrap();
    assert!(led > 500, "{led}");
}

#[test]
fn the_simulation_would_notice_writes_that_take_too_long() {
    assert!(leader_cut_off(REQUEST_TIMEOUT + 6_000).is_err());
}
