use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::{
    ADVERTISEMENT, ETHERTYPE, HOP_LIMIT, ICMPV6, Message, OVERRIDE, Packet, ROUTER, SOLICITATION,
    SOLICITED, SOURCE_OPTION, TARGET_OPTION,
};
use crate::Mac;

/// Octets of the ICMPv6 message without options.
const MESSAGE_LENGTH: u16 = 24;
/// Octets of a link-layer address option of Ethernet (RFC 2464 section 6).
const OPTION_LENGTH: u16 = 8;

impl Packet {
    /// Writes the frame in place of what the buffer held.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        let parts = Parts::of(&self.message);
        let length = match parts.mac {
            Some(_) => MESSAGE_LENGTH + OPTION_LENGTH,
            None => MESSAGE_LENGTH,
        };
        let head = [parts.icmp_type, 0];
        let mut sum = Checksum::of_pseudo_header(self.source, self.destination, length);
        sum.add(&head);
        sum.add(&parts.body);
        let option = parts.mac.map(|mac| link_layer_option(parts.option, mac));
        sum.add(option.as_ref().map_or(&[], |option| option.as_slice()));

        buffer.clear();
        buffer.extend_from_slice(&self.destination_mac.0);
        buffer.extend_from_slice(&self.source_mac.0);
        buffer.extend_from_slice(&ETHERTYPE.to_be_bytes());
        buffer.extend_from_slice(&[0x60, 0, 0, 0]);
        buffer.extend_from_slice(&length.to_be_bytes());
        buffer.extend_from_slice(&[ICMPV6, HOP_LIMIT]);
        buffer.extend_from_slice(&self.source.octets());
        buffer.extend_from_slice(&self.destination.octets());
        buffer.extend_from_slice(&head);
        buffer.extend_from_slice(&sum.finish().to_be_bytes());
        buffer.extend_from_slice(&parts.body);
        buffer.extend_from_slice(option.as_ref().map_or(&[], |option| option.as_slice()));
    }
}

/// What differs between the two messages.
struct Parts {
    icmp_type: u8,
    /// Flags and target.
    body: [u8; 20],
    option: u8,
    mac: Option<Mac>,
}

impl Parts {
    fn of(message: &Message) -> Self {
        let (icmp_type, flags, option, mac) = match *message {
            Message::Solicitation { source_mac, .. } => {
                (SOLICITATION, 0, SOURCE_OPTION, source_mac)
            }
            Message::Advertisement {
                router,
                solicited,
                r#override,
                target_mac,
                ..
            } => {
                let flag = |set, flag| if set { flag } else { 0 };
                let flags =
                    flag(router, ROUTER) | flag(solicited, SOLICITED) | flag(r#override, OVERRIDE);
                (ADVERTISEMENT, flags, TARGET_OPTION, target_mac)
            }
        };
        let mut body = [0; 20];
        body[0] = flags;
        if let Some(target) = body.last_chunk_mut() {
            *target = message.target().octets();
        }
        Self {
            icmp_type,
            body,
            option,
            mac,
        }
    }
}

fn link_layer_option(option: u8, mac: Mac) -> [u8; OPTION_LENGTH as usize] {
    let [a, b, c, d, e, f] = mac.0;
    // Its length is in units of 8 octets.
    [option, 1, a, b, c, d, e, f]
}

/// The checksum of ICMPv6 (RFC 4443 section 2.3, RFC 8200 section 8.1).
pub(super) struct Checksum(u32);

impl Checksum {
    pub(super) fn of_pseudo_header(source: Ipv6Addr, destination: Ipv6Addr, length: u16) -> Self {
        let mut sum = Self(u32::from(length) + u32::from(ICMPV6));
        sum.add(&source.octets());
        sum.add(&destination.octets());
        sum
    }

    /// Adds octets; only the last piece may be of odd length. 64 KiB cannot overflow the sum.
    pub(super) fn add(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks::<2>();
        let words = words
            .iter()
            .map(|word| u32::from(u16::from_be_bytes(*word)));
        let rest = rest.iter().map(|octet| u32::from(*octet) << 8);
        self.0 += words.chain(rest).sum::<u32>();
    }

    /// What to write; 0 if what was added holds the right one.
    pub(super) fn finish(self) -> u16 {
        let [a, b, c, d] = self.0.to_be_bytes();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let (sum, carry) = high.overflowing_add(low);
        !(sum + u16::from(carry))
    }
}
