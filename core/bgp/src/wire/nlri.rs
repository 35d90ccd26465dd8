//! Prefixes as UPDATEs carry them: a length in bits and just the octets it needs (RFC 4271 section 4.3).

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::reader::Reader;
use crate::params::{Family, Prefix};

/// A length that is too long for the family, or octets that are missing (RFC 7606 section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedNlri;

/// Reads prefixes up to the end of the slice. Host bits are cleared: their value is irrelevant (RFC 4271 section 4.3).
pub(crate) fn decode(bytes: &[u8], family: Family) -> Result<Vec<Prefix>, MalformedNlri> {
    let mut reader = Reader::new(bytes);
    // Most prefixes are longer than half the address.
    let guess = if family == Family::IPV4_UNICAST { 4 } else { 8 };
    let mut prefixes = Vec::with_capacity(bytes.len().div_ceil(guess));
    while let Some(length) = reader.u8() {
        let octets = reader
            .take(usize::from(length).div_ceil(8))
            .ok_or(MalformedNlri)?;
        let network = match family {
            Family::IPV4_UNICAST => {
                Ipv4Net::new(Ipv4Addr::from(padded(octets)?), length).map(IpNet::V4)
            }
            _ => Ipv6Net::new(Ipv6Addr::from(padded(octets)?), length).map(IpNet::V6),
        };
        prefixes.push(Prefix::from(network.map_err(|_| MalformedNlri)?));
    }
    Ok(prefixes)
}

/// Appends one prefix.
pub(crate) fn encode(prefix: &Prefix, out: &mut Vec<u8>) {
    let length = prefix.length();
    out.push(length);
    let octets = usize::from(length).div_ceil(8);
    match prefix.network() {
        IpNet::V4(network) => out.extend(network.addr().octets().into_iter().take(octets)),
        IpNet::V6(network) => out.extend(network.addr().octets().into_iter().take(octets)),
    }
}

/// Octets that the prefix takes.
pub(crate) fn encoded_length(prefix: &Prefix) -> usize {
    1 + usize::from(prefix.length()).div_ceil(8)
}

fn padded<const N: usize>(octets: &[u8]) -> Result<[u8; N], MalformedNlri> {
    let mut address = [0; N];
    address
        .get_mut(..octets.len())
        .ok_or(MalformedNlri)?
        .copy_from_slice(octets);
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clears_host_bits() {
        let prefixes = decode(&[20, 10, 1, 0xff], Family::IPV4_UNICAST).unwrap();
        assert_eq!(prefixes, ["10.1.240.0/20".parse().unwrap()]);
    }

    #[test]
    fn refuses_prefixes_that_are_too_long_or_cut() {
        for (bytes, family) in [
            (&[33, 1, 2, 3, 4, 5][..], Family::IPV4_UNICAST),
            (&[24, 10, 1], Family::IPV4_UNICAST),
            (&[0, 8], Family::IPV4_UNICAST),
            (
                &[129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                Family::IPV6_UNICAST,
            ),
            (&[255], Family::IPV6_UNICAST),
        ] {
            assert_eq!(decode(bytes, family), Err(MalformedNlri), "{bytes:?}");
        }
    }

    #[test]
    fn takes_only_the_octets_that_the_length_needs() {
        for (prefix, expected) in [
            ("0.0.0.0/0", &[0][..]),
            ("10.0.0.0/8", &[8, 10]),
            ("192.0.2.1/32", &[32, 192, 0, 2, 1]),
            ("2001:db8::/33", &[33, 0x20, 1, 0xd, 0xb8, 0]),
        ] {
            let prefix: Prefix = prefix.parse().unwrap();
            let mut out = Vec::new();
            encode(&prefix, &mut out);
            assert_eq!(out, expected);
            assert_eq!(encoded_length(&prefix), expected.len());
        }
    }
}
