use alloc::{format, vec::Vec};
use core::time::Duration;

use proptest::{collection::vec, prelude::*};

use super::*;

const ONE: Key = Key::new([1; 32]);
const TWO: Key = Key::new([2; 32]);
const THREE: Key = Key::new([3; 32]);

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ring(now: Duration, keys: &[Key]) -> KeyRing {
    let mut ring = KeyRing::default();
    ring.handle_keys(now, keys.to_vec());
    ring
}

fn sealed(ring: &KeyRing, now: Duration) -> Vec<u8> {
    let mut datagram = b"message".to_vec();
    assert!(ring.seal(now, &mut datagram));
    datagram
}

/// Which of these keys signs.
fn signer(ring: &KeyRing, now: Duration) -> Option<Key> {
    let mut datagram = Vec::new();
    ring.seal(now, &mut datagram).then(|| {
        let mut keys = [ONE, TWO, THREE].into_iter();
        keys.find(|key| ring_of(key).open(s(0), &datagram).is_ok())
            .unwrap()
    })
}

fn ring_of(key: &Key) -> KeyRing {
    ring(s(0), core::slice::from_ref(key))
}

#[test]
fn a_datagram_is_the_message_the_identifier_of_the_key_and_the_tag() {
    let datagram = sealed(&ring_of(&ONE), s(0));
    let expected = [
        0xb2, 0xc3, 0x21, 0xe7, 0x08, 0x38, 0x84, 0x2e, 0x5b, 0x71, 0xc3, 0xe8, 0xcd, 0xd9, 0xbf,
        0xb4, 0xcc, 0x5c, 0x58, 0x46, 0xbf, 0x88, 0xd0, 0x2d, 0x8c, 0x7c, 0xde, 0xeb, 0x87, 0xef,
        0xb3, 0xf2, 0xba, 0xde, 0xc1, 0xec,
    ];
    let (message, rest) = datagram.split_at(7);
    assert_eq!(message, b"message");
    assert_eq!(rest, expected);
    assert_eq!(ring_of(&ONE).open(s(0), &datagram), Ok(&b"message"[..]));
}

#[test]
fn says_why_a_datagram_is_not_authentic() {
    let ours = ring_of(&ONE);
    let datagram = sealed(&ours, s(0));
    assert_eq!(ours.open(s(0), &datagram[..35]), Err(Unauthentic::Short));
    assert_eq!(ours.open(s(0), &[]), Err(Unauthentic::Short));
    let foreign = sealed(&ring_of(&TWO), s(0));
    assert_eq!(ours.open(s(0), &foreign), Err(Unauthentic::UnknownKey));
    for position in 0..datagram.len() {
        let mut datagram = datagram.clone();
        datagram[position] ^= 1;
        let expected = match position {
            7..11 => Unauthentic::UnknownKey,
            _ => Unauthentic::WrongTag,
        };
        assert_eq!(ours.open(s(0), &datagram), Err(expected), "{position}");
    }
    assert_eq!(Unauthentic::WrongTag.as_str(), "WrongTag");
}

#[test]
fn without_a_key_nothing_is_signed_and_nothing_authentic() {
    let mut ring = KeyRing::default();
    let mut message = b"message".to_vec();
    assert!(!ring.has_key() && !ring.seal(s(0), &mut message));
    assert_eq!(message, b"message");
    let datagram = sealed(&ring_of(&ONE), s(0));
    assert_eq!(ring.open(s(0), &datagram), Err(Unauthentic::UnknownKey));
    ring.handle_keys(s(0), [ONE].to_vec());
    assert!(ring.has_key());
}

#[test]
fn the_oldest_signs_until_a_newer_one_is_known_for_30_s() {
    let both = ring(s(100), &[ONE, TWO]);
    assert_eq!(signer(&both, s(100)), Some(ONE));
    assert_eq!(signer(&both, s(129)), Some(ONE));
    assert_eq!(signer(&both, s(130)), Some(TWO));
    let mut later = ring(s(0), &[ONE]);
    later.handle_keys(s(100), [ONE, TWO].to_vec());
    later.handle_keys(s(120), [ONE, TWO, THREE].to_vec());
    assert_eq!(signer(&later, s(129)), Some(ONE));
    assert_eq!(signer(&later, s(149)), Some(TWO));
    assert_eq!(signer(&later, s(150)), Some(THREE));
}

#[test]
fn a_removed_key_is_understood_for_10_min_and_signs_only_while_no_other_may() {
    let former = ring_of(&ONE);
    let mut ring = ring(s(0), &[ONE, TWO]);
    ring.handle_keys(s(100), [TWO].to_vec());
    assert_eq!(signer(&ring, s(100)), Some(TWO));
    let datagram = sealed(&former, s(0));
    assert!(ring.open(s(699), &datagram).is_ok());
    assert_eq!(ring.open(s(700), &datagram), Err(Unauthentic::UnknownKey));

    // All replaced at once: the old one goes on until everybody can have the new one.
    ring.handle_keys(s(1000), [THREE].to_vec());
    assert_eq!(signer(&ring, s(1029)), Some(TWO));
    assert_eq!(signer(&ring, s(1030)), Some(THREE));
}

#[test]
fn without_a_secret_the_last_key_lasts_10_min() {
    let mut ring = ring(s(0), &[ONE, TWO]);
    ring.handle_keys(s(100), Vec::new());
    assert_eq!(signer(&ring, s(699)), Some(TWO));
    ring.handle_timeout(s(699));
    assert!(ring.has_key());
    assert_eq!(signer(&ring, s(700)), None);
    ring.handle_timeout(s(700));
    assert!(!ring.has_key());
}

#[test]
fn a_key_that_comes_back_is_as_good_as_before() {
    let mut ring = ring(s(0), &[ONE]);
    ring.handle_keys(s(100), Vec::new());
    ring.handle_keys(s(101), [ONE].to_vec());
    let datagram = sealed(&ring, s(101));
    assert!(ring.open(s(5000), &datagram).is_ok());
    assert_eq!(signer(&ring, s(5000)), Some(ONE));
}

#[test]
fn at_most_eight_are_remembered_the_newest() {
    let key = |number| Key::new([number; 32]);
    let datagram = |number| sealed(&ring_of(&key(number)), s(0));
    let mut ring = KeyRing::default();
    for number in 0..100 {
        ring.handle_keys(s(100), [key(number)].to_vec());
    }
    for number in 0..100 {
        let understood = ring.open(s(100), &datagram(number)).is_ok();
        assert_eq!(understood, number >= 92, "{number}");
    }
    ring.handle_keys(s(100), (100..120).map(key).collect());
    for number in 0..120 {
        let understood = ring.open(s(100), &datagram(number)).is_ok();
        assert_eq!(understood, number >= 112, "{number}");
    }
}

#[test]
fn no_debug_output_has_a_secret() {
    let key = Key::new(*b"a very secret key of 32 octets!!");
    let text = format!("{key:?} {:?}", ring_of(&key));
    assert!(text.contains("***"), "{text}");
    for secret in ["97, 32, 118", "very secret", "61207665"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// What the Secret has from some moment on.
type Change = (Duration, Vec<Key>);

/// Runs two nodes that learn each change so much later, and calls what is to hold whenever something may have changed.
fn rotate(changes: &[Change], delays: &[[Duration; 2]], holds: impl Fn(&[KeyRing; 2], Duration)) {
    let mut rings = [KeyRing::default(), KeyRing::default()];
    let mut due: Vec<(Duration, usize, &[Key])> = Vec::new();
    for ((at, keys), delays) in changes.iter().zip(delays) {
        for (node, delay) in delays.iter().enumerate() {
            due.push((*at + *delay, node, keys));
        }
    }
    due.sort_by_key(|(at, ..)| *at);
    let mut due = due.into_iter().peekable();
    for now in (0..1700).map(s) {
        while let Some((_, node, keys)) = due.next_if(|(at, ..)| *at <= now) {
            rings[node].handle_keys(now, keys.to_vec());
        }
        if rings.iter().all(KeyRing::has_key) {
            holds(&rings, now);
        }
    }
}

fn understands(listener: &KeyRing, speaker: &KeyRing, now: Duration) -> bool {
    listener.open(now, &sealed(speaker, now)).is_ok()
}

/// Each understands the other.
fn agree([one, other]: &[KeyRing; 2], now: Duration) {
    assert!(understands(one, other, now), "{now:?}: {one:?} {other:?}");
    assert!(understands(other, one, now), "{now:?}: {other:?} {one:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn rotation_leaves_no_gap(
        delays in vec([0..=30u64, 0..=30].prop_map(|delays| delays.map(s)), 3),
        overlap in 61..900u64,
    ) {
        let added = s(100);
        let removed = added + s(overlap);
        let changes = [
            (s(0), [ONE].to_vec()),
            (added, [ONE, TWO].to_vec()),
            (removed, [TWO].to_vec()),
        ];
        rotate(&changes, &delays, agree);
    }

    #[test]
    fn neither_does_replacement_at_once(
        delays in vec([0..=30u64, 0..=30].prop_map(|delays| delays.map(s)), 3),
    ) {
        let changes = [
            (s(0), [ONE].to_vec()),
            (s(100), [TWO].to_vec()),
            (s(200), [THREE].to_vec()),
        ];
        rotate(&changes, &delays, agree);
    }

    #[test]
    fn a_node_that_learns_of_a_removal_9_min_late_is_understood_and_understands(late in 31..540u64) {
        let changes = [
            (s(0), [ONE].to_vec()),
            (s(100), [ONE, TWO].to_vec()),
            (s(200), [TWO].to_vec()),
        ];
        rotate(&changes, &[[s(0); 2], [s(0), s(30)], [s(0), s(late)]], agree);
    }

    /// It goes on with a key that the others have: they hear it. What they sign meanwhile it cannot know.
    #[test]
    fn a_node_that_learns_of_a_new_key_9_min_late_is_understood_all_the_time(late in 31..540u64) {
        let changes = [(s(0), [ONE].to_vec()), (s(100), [TWO].to_vec())];
        rotate(&changes, &[[s(0); 2], [s(0), s(late)]], |rings, now| {
            let [prompt, slow] = rings;
            assert!(understands(prompt, slow, now), "{now:?}");
            let knows = now < s(130) || now >= s(100 + late);
            assert_eq!(understands(slow, prompt, now), knows, "{now:?}");
        });
    }
}
