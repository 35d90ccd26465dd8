use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use k8s_openapi::{ByteString, api::core::v1};
use l2::Key;

use crate::Rejection;

/// Name of the Secret with the keys of heartbeats, in the install namespace.
pub const HEARTBEAT_SECRET: &str = "herald-heartbeat";

/// As many keys as a speaker remembers.
const MOST: usize = 8;

/// Parses Secret [`HEARTBEAT_SECRET`]: its keys, oldest first. An entry's key is the number of the generation, its value
/// the 32 octets.
///
/// # Errors
/// A rejection of the first entry that is no key, or of their number.
pub(crate) fn parse(object: &v1::Secret) -> Result<Vec<Key>, Rejection> {
    let nothing = BTreeMap::new();
    let data = object.data.as_ref().unwrap_or(&nothing);
    if data.is_empty() {
        return Err(Rejection::new(
            "data",
            "there is no key in it",
            "delete the Secret, then the controller makes a new one",
        ));
    }
    if data.len() > MOST {
        return Err(Rejection::new(
            "data",
            format!("it has {} keys, more than {MOST}", data.len()),
            "remove the oldest ones, those of the lowest numbers",
        ));
    }
    let keys: BTreeMap<u64, Key> = data.iter().map(parse_entry).collect::<Result<_, _>>()?;
    Ok(keys.into_values().collect())
}

fn parse_entry((name, value): (&String, &ByteString)) -> Result<(u64, Key), Rejection> {
    let field = || format!("data.{name}");
    let generation = name.parse().ok();
    let Some(generation) =
        generation.filter(|number: &u64| *number > 0 && number.to_string() == *name)
    else {
        return Err(Rejection::new(
            field(),
            "it is not the number of a generation",
            "name each key with a number from 1 on, or delete the Secret, then the controller makes a new one",
        ));
    };
    match <[u8; Key::LENGTH]>::try_from(value.0.as_slice()) {
        Ok(octets) => Ok((generation, Key::new(octets))),
        Err(_) => Err(Rejection::new(
            field(),
            format!("it has {} bytes, not {}", value.0.len(), Key::LENGTH),
            "write 32 random bytes, or delete the Secret, then the controller makes a new one",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(entries: &[(&str, &[u8])]) -> v1::Secret {
        let data = entries
            .iter()
            .map(|(name, value)| (name.to_string(), ByteString(value.to_vec())));
        v1::Secret {
            data: Some(data.collect()),
            ..v1::Secret::default()
        }
    }

    fn sentence(entries: &[(&str, &[u8])]) -> String {
        parse(&secret(entries)).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_keys_in_the_order_of_their_numbers() {
        let keys = parse(&secret(&[
            ("10", &[3; 32]),
            ("2", &[2; 32]),
            ("1", &[1; 32]),
        ]));
        assert_eq!(
            keys.unwrap(),
            [Key::new([1; 32]), Key::new([2; 32]), Key::new([3; 32])]
        );
    }

    #[test]
    fn says_what_is_no_key_and_never_shows_one() {
        let number = "it is not the number of a generation";
        for name in ["password", "0", "01", "+1", "-1", "18446744073709551616"] {
            let said = sentence(&[("1", &[1; 32]), (name, &[1; 32])]);
            assert!(
                said.starts_with(&format!("data.{name}: {number}; ")),
                "{said}"
            );
        }
        let short = sentence(&[("1", b"hunter2")]);
        assert!(
            short.starts_with("data.1: it has 7 bytes, not 32; "),
            "{short}"
        );
        assert!(!short.contains("hunter2"));
        assert!(sentence(&[("1", &[1; 33])]).contains("33 bytes"));
        assert!(sentence(&[]).starts_with("data: there is no key in it; "));
        let nine: Vec<String> = (1..=9).map(|number| number.to_string()).collect();
        let nine: Vec<(&str, &[u8])> = nine.iter().map(|n| (n.as_str(), &[1; 32][..])).collect();
        assert!(sentence(&nine).starts_with("data: it has 9 keys, more than 8; "));
        assert_eq!(parse(&secret(&nine[..8])).unwrap().len(), 8);
    }
}
