use alloc::{format, string::String};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use crate::{AddressFamily, Rejection};

/// An inclusive range of addresses of one family: `first <= last`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why two addresses are no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    /// One is IPv4, the other IPv6.
    #[error("the two ends are of different families")]
    MixedFamilies,
    /// The first is above the last.
    #[error("the first address is above the last")]
    Reversed,
}

impl AddressRange {
    /// The range from `first` to `last`, both included.
    ///
    /// # Errors
    /// The ends are of different families or in the wrong order.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, AddressRangeError> {
        if first.is_ipv4() != last.is_ipv4() {
            return Err(AddressRangeError::MixedFamilies);
        }
        if first > last {
            return Err(AddressRangeError::Reversed);
        }
        Ok(Self { first, last })
    }

    /// Reads `10.0.0.0/24` (host bits are cleared) or `10.0.0.5-10.0.0.9`, as in an
    /// IPAddressPool's `spec.addresses[]`.
    ///
    /// # Errors
    /// A rejection of `field`: syntax, order of the ends, or addresses that no Service can have.
    pub fn parse(field: &str, text: &str) -> Result<Self, Rejection> {
        let range = match text.split_once('-') {
            Some((first, last)) => Self::parse_ends(field, text, first.trim(), last.trim()),
            None => parse_network(field, text.trim()),
        }?;
        range.usable(field)
    }

    /// Lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// Family of both ends.
    pub fn family(&self) -> AddressFamily {
        AddressFamily::of(self.first)
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && self.first <= address && address <= self.last
    }

    /// Whether any address lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4()
            && self.first <= other.last
            && other.first <= self.last
    }

    fn parse_ends(field: &str, text: &str, first: &str, last: &str) -> Result<Self, Rejection> {
        let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>()) else {
            return Err(not_a_range(field, text));
        };
        Self::new(first, last).map_err(|error| {
            let remedy = match error {
                AddressRangeError::MixedFamilies => "write one range per family".into(),
                AddressRangeError::Reversed => format!("write {last}-{first}"),
            };
            Rejection::new(field, format!("in \"{text}\" {error}"), remedy)
        })
    }

    fn usable(self, field: &str) -> Result<Self, Rejection> {
        match UNUSABLE.iter().find(|(first, last, _)| {
            self.overlaps(&Self {
                first: *first,
                last: *last,
            })
        }) {
            None => Ok(self),
            Some((.., what)) => Err(Rejection::new(
                field,
                format!("{self} has {what}, which no Service can have"),
                "use unicast addresses of your network",
            )),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(high: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(high))
}

/// Addresses that are never a destination of forwarded unicast traffic.
const UNUSABLE: [(IpAddr, IpAddr, &str); 8] = [
    (
        v4(0, 0, 0, 0),
        v4(0, 255, 255, 255),
        "addresses of 0.0.0.0/8",
    ),
    (
        v4(127, 0, 0, 0),
        v4(127, 255, 255, 255),
        "loopback addresses",
    ),
    (
        v4(224, 0, 0, 0),
        v4(239, 255, 255, 255),
        "multicast addresses",
    ),
    (
        v4(255, 255, 255, 255),
        v4(255, 255, 255, 255),
        "the broadcast address",
    ),
    (v6(0), v6(1), "the unspecified or loopback address"),
    (
        v6(0xffff_0000_0000),
        v6(0xffff_ffff_ffff),
        "IPv4-mapped addresses",
    ),
    (
        v6(0xfe80 << 112),
        v6((0xfec0 << 112) - 1),
        "link-local addresses",
    ),
    (v6(0xff00 << 112), v6(u128::MAX), "multicast addresses"),
];

fn parse_network(field: &str, text: &str) -> Result<AddressRange, Rejection> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Ok(AddressRange {
            first: network.network(),
            last: network.broadcast(),
        });
    }
    Err(match text.parse::<IpAddr>() {
        Ok(address) => Rejection::new(
            field,
            format!("\"{text}\" is a single address"),
            format!(
                "write {address}/{}",
                if address.is_ipv4() { 32 } else { 128 }
            ),
        ),
        Err(_) => not_a_range(field, text),
    })
}

fn not_a_range(field: &str, text: &str) -> Rejection {
    Rejection::new(
        field,
        format!("\"{text}\" is no range of addresses"),
        String::from("write a network such as 10.0.0.0/24 or two ends such as 10.0.0.5-10.0.0.9"),
    )
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<AddressRange, String> {
        AddressRange::parse("spec.addresses[0]", text).map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn reads_networks_and_ends() {
        let cases = [
            ("10.0.0.0/24", "10.0.0.0-10.0.0.255"),
            ("10.0.0.7/24", "10.0.0.0-10.0.0.255"),
            ("10.0.0.5/32", "10.0.0.5"),
            ("10.0.0.5-10.0.0.9", "10.0.0.5-10.0.0.9"),
            ("10.0.0.5 - 10.0.0.9", "10.0.0.5-10.0.0.9"),
            ("2001:db8::/126", "2001:db8::-2001:db8::3"),
            ("fd00::5-fd00::5", "fd00::5"),
            ("169.254.1.0/31", "169.254.1.0-169.254.1.1"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_to_write() {
        let cases = [
            (
                "10.0.0.5",
                "\"10.0.0.5\" is a single address; write 10.0.0.5/32",
            ),
            (
                "fd00::1",
                "\"fd00::1\" is a single address; write fd00::1/128",
            ),
            (
                "10.0.0.9-10.0.0.5",
                "in \"10.0.0.9-10.0.0.5\" the first address is above the last; write 10.0.0.5-10.0.0.9",
            ),
            (
                "10.0.0.9-fd00::1",
                "in \"10.0.0.9-fd00::1\" the two ends are of different families; write one range per \
                 family",
            ),
            (
                "10.0.0.0/33",
                "\"10.0.0.0/33\" is no range of addresses; write a network such as 10.0.0.0/24 or two \
                 ends such as 10.0.0.5-10.0.0.9",
            ),
            (
                "200.0.0.0-230.0.0.0",
                "200.0.0.0-230.0.0.0 has multicast addresses, which no Service can have; use unicast \
                 addresses of your network",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                parse(text).unwrap_err(),
                ["spec.addresses[0]: ", expected].concat()
            );
        }
    }

    #[test]
    fn refuses_what_no_service_can_have() {
        for text in [
            "0.0.0.0/0",
            "127.0.0.1/32",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "::/0",
            "::1/128",
            "::ffff:10.0.0.0/120",
            "fe80::/64",
            "ff02::1/128",
            "",
            "-",
            "10.0.0.1-",
            "a-b",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn reads_what_it_shows(first in any::<u32>(), size in 1_u32..70_000) {
            let (first, last) = (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(first.saturating_add(size)));
            let range = AddressRange::new(first.into(), last.into()).unwrap();
            match parse(&range.to_string()) {
                Ok(read) => prop_assert_eq!(read, range),
                Err(sentence) => prop_assert!(sentence.contains("which no Service can have")),
            }
        }

        #[test]
        fn overlap_is_having_a_common_address(a in 0_u8..8, b in 0_u8..8, c in 0_u8..8, d in 0_u8..8) {
            let range = |x: u8, y: u8| AddressRange::new(v4(10, 0, 0, x.min(y)), v4(10, 0, 0, x.max(y))).unwrap();
            let (one, other) = (range(a, b), range(c, d));
            let common = (0..8).any(|i| one.contains(v4(10, 0, 0, i)) && other.contains(v4(10, 0, 0, i)));
            prop_assert_eq!(one.overlaps(&other), common);
        }
    }
}
