use alloc::vec::Vec;
use core::net::Ipv6Addr;

use crate::Discarded;

/// ICMPv6 type of a router solicitation (RFC 4861 section 4.1).
const SOLICITATION: u8 = 133;
/// ICMPv6 type of a router advertisement (RFC 4861 section 4.2).
const ADVERTISEMENT: u8 = 134;
/// Octets of a solicitation before its options.
const SOLICITATION_LENGTH: usize = 8;
/// Octets of an advertisement before its options.
const ADVERTISEMENT_LENGTH: usize = 16;
/// Source link-layer address option.
const SOURCE_OPTION: u8 = 1;
/// What no router can have touched.
const HOP_LIMIT: u8 = 255;

/// What a message says, as far as it concerns us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Who is a router here?
    Solicitation,
    /// The sender is.
    Advertisement,
}

impl Message {
    /// Reads an ICMPv6 message, whose checksum is right.
    ///
    /// # Errors
    /// It is neither message, or one that RFC 4861 section 6.1 wants discarded.
    pub fn decode(hop_limit: u8, source: Ipv6Addr, octets: &[u8]) -> Result<Self, Discarded> {
        let [kind, code, _, _, ..] = *octets else {
            return Err(Discarded::Short);
        };
        let (message, length) = match kind {
            SOLICITATION => (Self::Solicitation, SOLICITATION_LENGTH),
            ADVERTISEMENT => (Self::Advertisement, ADVERTISEMENT_LENGTH),
            other => return Err(Discarded::Type(other)),
        };
        if code != 0 {
            return Err(Discarded::Code(code));
        }
        if hop_limit != HOP_LIMIT {
            return Err(Discarded::HopLimit(hop_limit));
        }
        let options = octets.get(length..).ok_or(Discarded::Short)?;
        let names_sender = has_source_option(options)?;
        match message {
            Self::Advertisement if !source.is_unicast_link_local() => {
                Err(Discarded::Source(source))
            }
            Self::Solicitation if source.is_unspecified() && names_sender => {
                Err(Discarded::SourceOption)
            }
            Self::Advertisement | Self::Solicitation => Ok(message),
        }
    }

    /// Writes it in place of what the buffer held, with our link-layer address (RFC 2464 section 6) and without a checksum,
    /// which the kernel adds. An advertisement says nothing else: no hop limit, no lifetime as default router, no timers.
    pub fn encode(self, mac: [u8; 6], buffer: &mut Vec<u8>) {
        let (kind, length) = match self {
            Self::Solicitation => (SOLICITATION, SOLICITATION_LENGTH),
            Self::Advertisement => (ADVERTISEMENT, ADVERTISEMENT_LENGTH),
        };
        buffer.clear();
        buffer.push(kind);
        buffer.resize(length, 0);
        // Its length is in units of 8 octets.
        buffer.extend_from_slice(&[SOURCE_OPTION, 1]);
        buffer.extend_from_slice(&mac);
    }
}

/// Looks at all options for their length (RFC 4861 section 4.6).
fn has_source_option(mut options: &[u8]) -> Result<bool, Discarded> {
    let mut found = false;
    while let [kind, units, ..] = *options {
        let length = usize::from(units) * 8;
        options = match options.split_at_checked(length) {
            Some((option, rest)) if !option.is_empty() => rest,
            Some(_) | None => return Err(Discarded::OptionLength),
        };
        found |= kind == SOURCE_OPTION;
    }
    match options.is_empty() {
        true => Ok(found),
        false => Err(Discarded::OptionLength),
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use proptest::prelude::*;

    use super::*;

    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

    fn encoded(message: Message) -> Vec<u8> {
        let mut octets = vec![9; 3];
        message.encode(MAC, &mut octets);
        octets
    }

    #[test]
    fn an_advertisement_offers_nothing_but_our_link_layer_address() {
        let expected = [
            134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 7,
        ];
        assert_eq!(encoded(Message::Advertisement), expected);
        let expected = [133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 7];
        assert_eq!(encoded(Message::Solicitation), expected);
    }

    #[test]
    fn what_is_written_is_read_alike() {
        for message in [Message::Advertisement, Message::Solicitation] {
            let read = Message::decode(255, ROUTER, &encoded(message));
            assert_eq!(read, Ok(message));
        }
    }

    #[test]
    fn every_rule_of_section_6_1_discards() {
        let advertisement = encoded(Message::Advertisement);
        let solicitation = encoded(Message::Solicitation);
        let with = |place: usize, octet: u8| {
            let mut octets = advertisement.clone();
            octets[place] = octet;
            octets
        };
        let unspecified = Ipv6Addr::UNSPECIFIED;
        for (hop_limit, source, octets, reason) in [
            (255, ROUTER, vec![], Discarded::Short),
            (255, ROUTER, advertisement[..15].to_vec(), Discarded::Short),
            (255, ROUTER, solicitation[..7].to_vec(), Discarded::Short),
            (255, ROUTER, with(0, 135), Discarded::Type(135)),
            (255, ROUTER, with(1, 1), Discarded::Code(1)),
            (254, ROUTER, advertisement.clone(), Discarded::HopLimit(254)),
            (
                255,
                GLOBAL,
                advertisement.clone(),
                Discarded::Source(GLOBAL),
            ),
            (255, ROUTER, with(17, 0), Discarded::OptionLength),
            (255, ROUTER, with(17, 2), Discarded::OptionLength),
            (
                255,
                ROUTER,
                advertisement[..17].to_vec(),
                Discarded::OptionLength,
            ),
            (
                255,
                unspecified,
                solicitation.clone(),
                Discarded::SourceOption,
            ),
        ] {
            assert_eq!(Message::decode(hop_limit, source, &octets), Err(reason));
        }
        let bare = Message::decode(255, unspecified, &solicitation[..8]);
        assert_eq!(bare, Ok(Message::Solicitation));
        // Whoever is asked from a global address may answer (RFC 4861 section 6.1.1).
        let asked = Message::decode(255, GLOBAL, &solicitation);
        assert_eq!(asked, Ok(Message::Solicitation));
    }

    #[test]
    fn options_that_mean_nothing_to_us_are_passed_over() {
        let mut octets = encoded(Message::Advertisement);
        // MTU and a prefix.
        octets.extend([5, 1, 0, 0, 0, 0, 5, 220]);
        octets.extend([3, 4].into_iter().chain([0; 30]));
        let read = Message::decode(255, ROUTER, &octets);
        assert_eq!(read, Ok(Message::Advertisement));
    }

    proptest! {
        #[test]
        fn no_message_panics(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Message::decode(255, ROUTER, &octets);
        }
    }
}
