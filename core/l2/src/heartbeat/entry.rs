use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

use super::{Advertising, Entry};
use crate::reader::Reader;

const CANDIDATE: u8 = 1;
const CLAIMED: u8 = 2;
const STABLE: u8 = 4;
const ON_SUBNET: u8 = 8;
const ABLE: u8 = 16;
const ADVERTISES: u8 = 32;

impl Entry {
    /// Octets of an entry.
    pub const LENGTH: usize = 19;

    /// Appends it to a message.
    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&position(self.address).to_be_bytes());
        buffer.extend_from_slice(&self.weight.to_be_bytes());
        buffer.push(self.flags() | self.advertising.flags());
    }

    /// Nothing when too little is left.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let address = Ipv6Addr::from_bits(reader.u128()?).to_canonical();
        let weight = reader.u16()?;
        let flags = reader.u8()?;
        Some(Self {
            address,
            weight,
            candidate: flags & CANDIDATE != 0,
            claimed: flags & CLAIMED != 0,
            stable: flags & STABLE != 0,
            on_subnet: flags & ON_SUBNET != 0,
            advertising: Advertising::of(flags),
        })
    }

    /// Those that its digest counts.
    const fn flags(&self) -> u8 {
        let candidate = if self.candidate { CANDIDATE } else { 0 };
        let claimed = if self.claimed { CLAIMED } else { 0 };
        let stable = if self.stable { STABLE } else { 0 };
        let on_subnet = if self.on_subnet { ON_SUBNET } else { 0 };
        candidate | claimed | stable | on_subnet
    }
}

impl Advertising {
    const fn of(flags: u8) -> Self {
        match (flags & ABLE != 0, flags & ADVERTISES != 0) {
            (false, _) => Self::Unable,
            (true, false) => Self::Able,
            (true, true) => Self::Advertises,
        }
    }

    const fn flags(self) -> u8 {
        match self {
            Self::Unable => 0,
            Self::Able => ABLE,
            Self::Advertises => ABLE | ADVERTISES,
        }
    }
}

/// Where an address stands among those of a page: IPv6 as it is, IPv4 as ::ffff:a.b.c.d.
#[must_use]
pub const fn position(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// A number in which each bit counts that an entry has for layer 2. The wrapping sum of those of a set, in any order, is the digest that a
/// heartbeat carries. Fixed for ever: nodes of different versions have to agree on it. It finds what was missed; it is no
/// protection, which the tag is.
#[must_use]
pub const fn digest(entry: &Entry) -> u64 {
    let position = position(entry.address);
    let rest = (entry.weight as u64) << 8 | entry.flags() as u64;
    // The halves of the address: both casts cut on purpose.
    let high = mix((position >> 64) as u64);
    let low = mix(high ^ position as u64);
    mix(low ^ rest)
}

/// One step of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
