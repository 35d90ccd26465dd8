use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use bgp::{Community, ExtendedCommunity, LargeCommunity};

use crate::{CommunityNames, Name, Rejection};

/// Communities of the three kinds, as users list them together.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Communities {
    /// RFC 1997.
    pub standard: BTreeSet<Community>,
    /// RFC 8092.
    pub large: BTreeSet<LargeCommunity>,
    /// RFC 4360.
    pub extended: BTreeSet<ExtendedCommunity>,
}

/// Type octets of extended communities (RFC 4360 sections 3.1 and 4, RFC 5668 section 2).
const TWO_OCTET_AS: u64 = 0x00;
const FOUR_OCTET_AS: u64 = 0x02;

/// Communities as users list them: themselves, and names that objects of kind Community give to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CommunityList {
    /// Those that are written out.
    pub written: Communities,
    /// Names of others.
    pub names: BTreeSet<Name>,
}

impl Communities {
    /// Parses one community: `65000:1`, `large:65000:1:2`, `extended:rt:65000:1`, `extended:soo:65000:1`, or a
    /// well-known name; `None`: it is none of these, or its numbers do not fit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut one = Self::default();
        if let Some(large) = text.strip_prefix("large:") {
            one.large.insert(large.parse().ok()?);
        } else if let Some(extended) = text.strip_prefix("extended:") {
            one.extended.insert(parse_extended(extended)?);
        } else {
            one.standard.insert(parse_standard(text)?);
        }
        Some(one)
    }

    /// Everything that is in one of the two.
    pub fn extend(&mut self, other: &Self) {
        self.standard.extend(&other.standard);
        self.large.extend(&other.large);
        self.extended.extend(&other.extended);
    }
}

impl CommunityList {
    /// Parses the entries of `field`: communities, well-known names, or names that a Community may define.
    ///
    /// # Errors
    /// The first entry that is none of these, or whose numbers do not fit.
    pub fn parse(field: &str, entries: &[String]) -> Result<Self, Rejection> {
        let mut list = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(community) = Communities::parse(entry) {
                list.written.extend(&community);
            } else if is_name(entry) {
                list.names.insert(entry.as_str().into());
            } else {
                return Err(Rejection::new(
                    format!("{field}[{index}]"),
                    format!("\"{entry}\" is no community"),
                    "write 65000:1 (each part 0 to 65535), large:65000:1:2 (each part 0 to 4294967295), \
                     extended:rt:65000:1, extended:soo:65000:1, a well-known name such as no-export or a name of a \
                     Community",
                ));
            }
        }
        Ok(list)
    }

    /// The communities that the list stands for.
    ///
    /// # Errors
    /// The names that nothing defines.
    pub fn resolve(&self, names: &CommunityNames) -> Result<Communities, Vec<Name>> {
        let unknown = self.names.iter().filter(|name| !names.contains_key(*name));
        let unknown: Vec<Name> = unknown.cloned().collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut all = self.written.clone();
        let named = self.names.iter().filter_map(|name| names.get(name));
        named.for_each(|named| all.extend(named));
        Ok(all)
    }
}

/// Whether a Community may give this name: a letter, then letters, digits, `-`, `_`, `.`, the last no mark.
pub(crate) fn is_name(text: &str) -> bool {
    let mark = |octet: u8| matches!(octet, b'-' | b'_' | b'.');
    let octets = text.as_bytes();
    octets.first().is_some_and(u8::is_ascii_alphabetic)
        && octets.last().is_some_and(u8::is_ascii_alphanumeric)
        && octets
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || mark(*octet))
        && octets.len() <= NAME_LENGTH
}

/// Longest name of a community.
const NAME_LENGTH: usize = 38;

fn parse_standard(text: &str) -> Option<Community> {
    Some(match text {
        "no-export" => Community::NO_EXPORT,
        "no-advertise" => Community::NO_ADVERTISE,
        "no-export-subconfed" => Community::NO_EXPORT_SUBCONFED,
        "graceful-shutdown" => Community::GRACEFUL_SHUTDOWN,
        "blackhole" => Community::BLACKHOLE,
        _ => text.parse().ok()?,
    })
}

/// `rt:AS:NUMBER` or `soo:AS:NUMBER`; an AS number above 65535 leaves 16 bits for the other number.
fn parse_extended(text: &str) -> Option<ExtendedCommunity> {
    let (kind, numbers) = text.split_once(':')?;
    let (asn, number) = numbers.split_once(':')?;
    let subtype: u64 = match kind {
        "rt" => 0x02,
        "soo" => 0x03,
        _ => return None,
    };
    let (asn, number) = (digits(asn)?, digits(number)?);
    let (kind, value) = match (u16::try_from(asn), u16::try_from(number)) {
        (Ok(asn), _) => (TWO_OCTET_AS, u64::from(asn) << 32 | u64::from(number)),
        (Err(_), Ok(number)) => (FOUR_OCTET_AS, u64::from(asn) << 16 | u64::from(number)),
        (Err(_), Err(_)) => return None,
    };
    Some(ExtendedCommunity(kind << 56 | subtype << 48 | value))
}

/// Digits only: the standard parser would accept a plus sign too.
fn digits(text: &str) -> Option<u32> {
    let only_digits = text.bytes().all(|digit| digit.is_ascii_digit());
    only_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parse(entries: &[&str]) -> Result<CommunityList, String> {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        CommunityList::parse("spec.communities", &entries)
            .map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn reads_all_three_kinds_and_names() {
        let all = parse(&[
            "65000:1",
            "no-export",
            "large:4200000000:1:2",
            "extended:rt:65000:4294967295",
            "extended:soo:4200000000:7",
        ])
        .unwrap()
        .written;
        let standard = BTreeSet::from([Community::new(65000, 1), Community::NO_EXPORT]);
        assert_eq!((all.standard, all.large.len()), (standard, 1));
        let extended = BTreeSet::from([
            ExtendedCommunity(0x0002_fde8_ffff_ffff),
            ExtendedCommunity(0x0203_fa56_ea00_0007),
        ]);
        assert_eq!(all.extended, extended);
    }

    #[test]
    fn names_the_entry_that_is_none() {
        for bad in [
            "65536:1",
            "large:1:2",
            "extended:rt:4200000000:65536",
            "extended:xx:1:2",
            "no such",
            "name-",
            "65000",
            "",
            "+1:2",
        ] {
            let sentence = parse(&["65000:1", bad]).unwrap_err();
            assert!(
                sentence.starts_with(&format!(
                    "spec.communities[1]: \"{bad}\" is no community; write"
                )),
                "{sentence}"
            );
        }
    }
}
