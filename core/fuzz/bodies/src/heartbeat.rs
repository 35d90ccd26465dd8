//! A heartbeat: the message, and the datagram with identifier and tag of a key.

use std::time::Duration;

use l2::{
    Key, KeyRing,
    heartbeat::{Heartbeat, LONGEST, peek_node},
};

/// What can be read is written alike; only what was signed is opened.
pub fn run(octets: &[u8]) {
    let now = Duration::ZERO;
    let mut ring = KeyRing::default();
    ring.handle_keys(now, vec![Key::new([7; 32])]);
    assert!(ring.open(now, octets).is_err(), "nobody can forge a tag");

    let mut datagram = octets.to_vec();
    assert!(ring.seal(now, &mut datagram));
    let message = ring.open(now, &datagram).unwrap();
    assert_eq!(message, octets);
    let Ok(heartbeat) = Heartbeat::decode(message) else {
        return;
    };
    assert_eq!(peek_node(&datagram), Some(&*heartbeat.node));
    assert!(datagram.len() <= LONGEST);
    let mut again = Vec::new();
    heartbeat.encode(&mut again);
    assert_eq!(again.len(), octets.len());
    assert_eq!(Heartbeat::decode(&again), Ok(heartbeat));
}
