//! A frame with a neighbor solicitation or advertisement.

use l2::{
    Mac,
    ndp::{Message, Packet},
};

const OWN: Mac = Mac([2, 0, 0, 0, 0, 9]);

/// Octets of Ethernet and IPv6 headers.
const HEADERS: usize = 54;

/// What can be read is written alike, and so are the packets that it leads to. Few inputs have the right checksum, so
/// that each is read once more with length and checksum put right.
pub fn run(frame: &[u8]) {
    read(frame);
    if let Some(frame) = mend(frame) {
        read(&frame);
    }
}

fn read(frame: &[u8]) {
    let Ok(packet) = Packet::decode(frame) else {
        return;
    };
    let target = packet.message.target();
    let probe = Packet::probe(OWN, target);
    let unsolicited = Packet::unsolicited(OWN, target, true);
    for packet in [packet, probe, unsolicited] {
        assert_eq!(Packet::decode(&encode(&packet)), Ok(packet));
    }
    if let Message::Solicitation { .. } = packet.message {
        let answer = Packet::answer(&packet, OWN, false);
        assert_eq!(Packet::decode(&encode(&answer)), Ok(answer));
        assert_eq!(answer.message.target(), target);
    }
}

fn encode(packet: &Packet) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.encode(&mut frame);
    frame
}

/// The same frame with the length and the checksum of RFC 4443 section 2.3.
fn mend(frame: &[u8]) -> Option<Vec<u8>> {
    let mut frame = frame.to_vec();
    let length = u16::try_from(frame.len().checked_sub(HEADERS)?).ok()?;
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    frame.get_mut(56..58)?.fill(0);
    let words = frame[22..].chunks(2).map(|word| {
        let low = word.get(1).copied().unwrap_or_default();
        u64::from(u16::from_be_bytes([word[0], low]))
    });
    let mut sum = words.sum::<u64>() + u64::from(length) + 58;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).ok()?;
    frame[56..58].copy_from_slice(&sum.to_be_bytes());
    Some(frame)
}
