//! The payload of a datagram with a BFD Control packet.

use bfd::Packet;

/// What can be read is written alike, octet by octet, and read alike again.
pub fn run(octets: &[u8]) {
    let Ok(packet) = Packet::decode(octets) else {
        return;
    };
    assert_ne!(packet.my_discriminator, 0);
    assert_ne!(packet.detect_multiplier, 0);
    let mut again = Vec::new();
    packet.encode(&mut again);
    assert_eq!(again.len(), Packet::LENGTH);
    assert_eq!(again[..3], octets[..3]);
    assert_eq!(again[4..], octets[4..Packet::LENGTH]);
    assert_eq!(Packet::decode(&again), Ok(packet));
}
