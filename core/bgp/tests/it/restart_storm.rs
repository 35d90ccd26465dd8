//! Both sides restart when they like, over a link that does what it likes: no route outlives who advertises it.

use std::collections::BTreeSet;
use std::time::Duration;

use bgp::{Farewell, GracefulRestart, PeerConfig, Prefix, Restarted, Speaker};
use proptest::prelude::*;

use crate::learn::{Told, announce, import, take, withdraw};
use crate::pair::{Pair, config};
use crate::restart::{BOTH, end_of_rib, open_with, terms};
use crate::scripted::Scripted;
use crate::session::to_all;

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Delay(u64),
    Lose(usize, [bool; 2]),
    BlackHole(usize),
    Cut(bool),
    /// Of which side; whether it closes its connections first.
    Restart(usize, bool),
    Advertise(usize, BTreeSet<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let side = 0..2_usize;
    let numbers = prop::collection::btree_set(0..6_u8, 0..4);
    prop_oneof![
        4 => (0..20_000_u64).prop_map(Step::Wait),
        1 => (0..3000_u64).prop_map(Step::Delay),
        2 => (any::<usize>(), any::<[bool; 2]>()).prop_map(|(wire, tell)| Step::Lose(wire, tell)),
        1 => any::<usize>().prop_map(Step::BlackHole),
        1 => any::<bool>().prop_map(Step::Cut),
        3 => (side.clone(), any::<bool>()).prop_map(|(side, planned)| Step::Restart(side, planned)),
        3 => (side, numbers).prop_map(|(side, numbers)| Step::Advertise(side, numbers)),
    ]
}

fn prefix(side: usize, number: u8) -> Prefix {
    let second = 100 * u8::try_from(side).unwrap() + number;
    Prefix::new([10, second, 0, 0].into(), 16).unwrap()
}

/// From now on the side advertises these numbers and no others.
pub(crate) fn advertise(pair: &mut Pair, side: usize, numbers: &[u8]) {
    let routes = (0..6_u8).map(|number| {
        let routes = match numbers.contains(&number) {
            true => to_all(Default::default()),
            false => vec![],
        };
        (prefix(side, number), routes)
    });
    pair.speakers[side].handle_routes(pair.now, routes);
    pair.settle();
}

pub(crate) fn side(side: usize, notification: bool) -> PeerConfig {
    PeerConfig {
        import: import(&["10.0.0.0/8"]),
        graceful_restart: Some(GracefulRestart {
            restart_time: Duration::from_secs(15),
            notification,
        }),
        ..config(side)
    }
}

struct Storm {
    pair: Pair,
    notification: bool,
    advertised: [BTreeSet<u8>; 2],
}

impl Storm {
    fn apply(&mut self, step: Step) {
        let pair = &mut self.pair;
        match step {
            Step::Wait(millis) => pair.run(Duration::from_millis(millis)),
            Step::Delay(millis) => pair.delay = Duration::from_millis(millis),
            Step::Lose(wire, tell) => pair.reset(wire, tell),
            Step::BlackHole(wire) => pair.black_hole(wire),
            Step::Cut(cut) => pair.cut = cut,
            Step::Restart(side, planned) => self.restart(side, planned),
            Step::Advertise(side, numbers) => {
                advertise(pair, side, &numbers.iter().copied().collect::<Vec<_>>());
                self.advertised[side] = numbers;
            }
        }
    }

    fn restart(&mut self, number: usize, planned: bool) {
        let pair = &mut self.pair;
        if planned {
            pair.speakers[number].handle_shutdown(pair.now, Farewell::Restart);
            pair.settle();
        }
        pair.replace(number, Speaker::new(number as u64 + 77));
        let restarted = Restarted {
            until: pair.now + Duration::from_secs(15),
            forwarding: true,
        };
        let speaker = &mut pair.speakers[number];
        speaker.handle_restarted(pair.now, restarted);
        speaker.handle_peers(pair.now, [side(number, self.notification)]);
        let numbers: Vec<_> = self.advertised[number].iter().copied().collect();
        advertise(pair, number, &numbers);
        pair.speakers[number].handle_routes_complete(pair.now);
        pair.settle();
    }
}

proptest! {
    #[test]
    fn no_route_outlives_who_advertises_it(
        seed in any::<u64>(),
        notification in any::<bool>(),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let configs = [side(0, notification), side(1, notification)];
        let pair = Pair::new(seed, configs, [true, true]);
        let mut storm = Storm { pair, notification, advertised: Default::default() };
        for step in steps {
            storm.apply(step);
        }
        let Storm { mut pair, advertised, .. } = storm;
        pair.cut = false;
        pair.delay = Duration::from_millis(1);
        // Longer than an OPEN may take and than anything may be stale.
        pair.run(Duration::from_secs(600));
        prop_assert_eq!(pair.established(), [true, true]);
        for number in 0..2 {
            let learned: BTreeSet<_> = pair.speakers[number].learned().map(|(p, _)| p).collect();
            let other = 1 - number;
            let expected = advertised[other].iter().map(|each| prefix(other, *each)).collect();
            prop_assert_eq!(&learned, &expected);
            prop_assert_eq!(pair.view(number).stale, 0);
        }
    }
}

#[derive(Clone, Debug)]
enum Said {
    Announce(Vec<u8>),
    Withdraw(Vec<u8>),
    EndOfRib,
    Lose { seconds: u64 },
    Wait { seconds: u64 },
    Limit(u32),
}

fn said() -> impl Strategy<Value = Said> {
    let numbers = || prop::collection::vec(0..6_u8, 1..4);
    prop_oneof![
        4 => numbers().prop_map(Said::Announce),
        2 => numbers().prop_map(Said::Withdraw),
        2 => Just(Said::EndOfRib),
        2 => (2..30_u64).prop_map(|seconds| Said::Lose { seconds }),
        1 => (0..400_u64).prop_map(|seconds| Said::Wait { seconds }),
        1 => (0..6_u32).prop_map(Said::Limit),
    ]
}

/// One of two speakers that hear the same; one keeps routes.
struct Twin {
    peer: Scripted,
    told: Told,
    config: PeerConfig,
}

impl Twin {
    fn new(keeps: bool) -> Self {
        let mut config = PeerConfig {
            passive: true,
            ..crate::restart::keeping(false)
        };
        if !keeps {
            config.graceful_restart = None;
        }
        let peer = Scripted::new(config.clone(), crate::pair::local(0));
        let told = Told::new();
        let mut twin = Self { peer, told, config };
        twin.connect();
        twin
    }

    fn connect(&mut self) {
        assert!(self.peer.accept());
        self.peer.establish_with(open_with(terms(false, &BOTH)));
    }

    fn hear(&mut self, said: &Said) {
        let list = |numbers: &[u8]| numbers.iter().map(|n| prefix(0, *n)).collect::<Vec<_>>();
        match said {
            Said::Announce(numbers) => {
                let update = announce(&list(numbers), [192, 0, 2, 2], &[64513]);
                self.peer.say(&update);
            }
            Said::Withdraw(numbers) => self.peer.say(&withdraw(&list(numbers))),
            Said::EndOfRib => self.peer.say(&end_of_rib()),
            Said::Lose { seconds } => {
                self.peer.lose();
                take(&mut self.peer.speaker, &mut self.told);
                self.peer.wait(Duration::from_secs(*seconds));
                self.connect();
            }
            Said::Wait { seconds } => drop(self.peer.wait(Duration::from_secs(*seconds))),
            Said::Limit(most) => {
                self.config.import.max_prefixes = *most;
                let config = self.config.clone();
                self.peer.speaker.handle_peers(self.peer.now, [config]);
            }
        }
        take(&mut self.peer.speaker, &mut self.told);
    }
}

proptest! {
    #[test]
    fn who_keeps_routes_never_has_fewer(script in prop::collection::vec(said(), 0..40)) {
        let [mut keeps, mut forgets] = [true, false].map(Twin::new);
        for said in &script {
            keeps.hear(said);
            forgets.hear(said);
            let missing = forgets.told.keys().find(|prefix| !keeps.told.contains_key(prefix));
            prop_assert_eq!(missing, None, "after {:?}", said);
        }
        // Once it is quiet, there is no difference.
        keeps.peer.wait(Duration::from_secs(400));
        take(&mut keeps.peer.speaker, &mut keeps.told);
        prop_assert_eq!(&keeps.told, &forgets.told);
    }
}
