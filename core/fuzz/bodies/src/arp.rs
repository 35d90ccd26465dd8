//! A frame with ARP.

use l2::{Mac, arp::Packet};

const OWN: Mac = Mac([2, 0, 0, 0, 0, 9]);

/// What can be read is written alike, and so are the packets that it leads to.
pub fn run(frame: &[u8]) {
    let Ok(packet) = Packet::decode(frame) else {
        return;
    };
    let [request, reply] = Packet::gratuitous(OWN, packet.sender);
    let probe = Packet::probe(OWN, packet.target);
    for packet in [packet, request, reply, probe] {
        assert_eq!(Packet::decode(&encode(&packet)), Ok(packet));
    }
    // Nobody asks for a group, but if somebody does, the answer is no packet either.
    let answer = Packet::reply_to(&packet, OWN);
    let legal = !packet.target.is_multicast() && !packet.target.is_broadcast();
    assert_eq!(Packet::decode(&encode(&answer)).is_ok(), legal);
}

fn encode(packet: &Packet) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.encode(&mut frame);
    assert_eq!(frame.len(), l2::arp::LENGTH);
    frame
}
