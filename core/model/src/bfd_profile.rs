use alloc::format;
use core::time::Duration;

use crate::{Condition, Meta, Parsed, Rejection};

/// A BFDProfile's spec, parsed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BfdProfile {
    /// What the session machine needs to know.
    #[serde(with = "Timers")]
    pub timers: bfd::Profile,
    /// Smallest TTL (hop limit) that is taken from a peer more than one hop away, where the user fixes it.
    pub minimum_ttl: Option<u8>,
}

/// How the timers stand in a snapshot.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(remote = "bfd::Profile")]
struct Timers {
    transmit_interval: Duration,
    receive_interval: Duration,
    detect_multiplier: u8,
    passive: bool,
}

impl BfdProfile {
    /// Parses a BFDProfile.
    pub fn parse(object: &crds::BFDProfile) -> Parsed<Self> {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        Parsed {
            meta: Meta::parse(&object.metadata, conditions.map(Condition::parse).collect()),
            value: Self::parse_spec(&object.spec),
        }
    }

    /// The smallest TTL that is taken from a peer more than one hop away, whose session has this TTL
    /// (`ebgpMultiHopTTL`), or which may be so many hops away (`ttlSecurityHops`).
    ///
    /// # Errors
    /// The TTL says that the peer may be further away than the default lets pass, and the profile does not say how far.
    pub fn minimum_ttl(
        &self,
        multi_hop_ttl: Option<u8>,
        ttl_security_hops: Option<u8>,
    ) -> Result<u8, Rejection> {
        if let (None, Some(hops @ 2..)) = (self.minimum_ttl, ttl_security_hops) {
            return Ok(u8::MAX - hops + 1);
        }
        match (self.minimum_ttl, multi_hop_ttl) {
            (Some(minimum), _) => Ok(minimum),
            // With 255 nobody has said how far away the peer is.
            (None, None | Some(..=2 | u8::MAX)) => Ok(DEFAULT_MINIMUM_TTL),
            (None, Some(ttl)) => Err(Rejection::new(
                "spec.minimumTtl",
                format!(
                    "it is absent, and its default of {DEFAULT_MINIMUM_TTL} drops what comes over the up to {} routers \
                     that ebgpMultiHopTTL {ttl} allows",
                    ttl - 1
                ),
                format!(
                    "set it to 255 less the number of routers in between, at least {} here",
                    u8::MAX - ttl + 1
                ),
            )),
        }
    }

    fn parse_spec(spec: &crds::BFDProfileSpec) -> Result<Self, Rejection> {
        Ok(Self {
            timers: bfd::Profile {
                transmit_interval: parse_interval("spec.transmitInterval", spec.transmit_interval)?,
                receive_interval: parse_interval("spec.receiveInterval", spec.receive_interval)?,
                detect_multiplier: parse_multiplier(spec.detect_multiplier)?,
                passive: spec.passive_mode,
            },
            minimum_ttl: spec.minimum_ttl.map(parse_minimum_ttl).transpose()?,
        })
    }
}

/// One router in between.
const DEFAULT_MINIMUM_TTL: u8 = 254;

/// Milliseconds.
fn parse_interval(field: &str, number: i32) -> Result<Duration, Rejection> {
    match u64::try_from(number) {
        Ok(milliseconds @ 10..=60_000) => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Rejection::new(
            field,
            format!("{number} ms is out of range"),
            "use 10 to 60000 milliseconds",
        )),
    }
}

fn parse_multiplier(number: i32) -> Result<u8, Rejection> {
    match u8::try_from(number) {
        Ok(multiplier @ 2..) => Ok(multiplier),
        _ => Err(Rejection::new(
            "spec.detectMultiplier",
            format!("{number} is out of range"),
            "use 2 to 255; with 1 a single lost packet would end the session",
        )),
    }
}

fn parse_minimum_ttl(number: i32) -> Result<u8, Rejection> {
    match u8::try_from(number) {
        Ok(ttl @ 1..=254) => Ok(ttl),
        _ => Err(Rejection::new(
            "spec.minimumTtl",
            format!("{number} is out of range"),
            "use 1 to 254: 255 less the number of routers in between",
        )),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    use super::*;

    fn parse(spec: &str) -> Result<BfdProfile, Rejection> {
        let yaml = format!("{{metadata: {{name: fast}}, spec: {spec}}}");
        BfdProfile::parse(&serde_yaml_ng::from_str(&yaml).unwrap()).value
    }

    fn refusal(spec: &str) -> String {
        parse(spec).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_profile_has_the_defaults_of_the_protocol() {
        let profile = parse("{}").unwrap();
        assert_eq!(profile.timers, bfd::Profile::default());
        assert_eq!(profile.minimum_ttl, None);
    }

    #[test]
    fn milliseconds_are_read_as_milliseconds() {
        let spec = "{receiveInterval: 10, transmitInterval: 60000, detectMultiplier: 255, passiveMode: true, \
                    minimumTtl: 1}";
        let expected = BfdProfile {
            timers: bfd::Profile {
                receive_interval: Duration::from_micros(10_000),
                transmit_interval: Duration::from_secs(60),
                detect_multiplier: 255,
                passive: true,
            },
            minimum_ttl: Some(1),
        };
        assert_eq!(parse(spec), Ok(expected));
    }

    #[test]
    fn refuses_what_is_out_of_range_and_says_the_range() {
        for (spec, sentence) in [
            (
                "{receiveInterval: 9}",
                "spec.receiveInterval: 9 ms is out of range; use 10 to 60000 milliseconds",
            ),
            (
                "{transmitInterval: 60001}",
                "spec.transmitInterval: 60001 ms is out of range; use 10 to 60000 milliseconds",
            ),
            (
                "{detectMultiplier: 1}",
                "spec.detectMultiplier: 1 is out of range; use 2 to 255; with 1 a single lost packet would end the session",
            ),
            (
                "{minimumTtl: 255}",
                "spec.minimumTtl: 255 is out of range; use 1 to 254: 255 less the number of routers in between",
            ),
        ] {
            assert_eq!(refusal(spec), sentence);
        }
    }

    #[test]
    fn a_peer_that_may_be_further_away_needs_a_minimum_of_its_own() {
        let default = parse("{}").unwrap();
        for near in [None, Some(1), Some(2), Some(255)] {
            assert_eq!(default.minimum_ttl(near, None), Ok(254));
        }
        let refused = default.minimum_ttl(Some(8), None).unwrap_err().to_string();
        assert!(refused.ends_with("at least 248 here"), "{refused}");
        let far = parse("{minimumTtl: 248}").unwrap();
        assert_eq!(far.minimum_ttl(Some(8), None), Ok(248));
    }

    #[test]
    fn ttl_security_says_how_far_away_the_peer_may_be_unless_the_profile_does() {
        let default = parse("{}").unwrap();
        let minimum = |hops| default.minimum_ttl(None, Some(hops)).unwrap();
        assert_eq!([1, 2, 3, 254].map(minimum), [254, 254, 253, 2]);
        let own = parse("{minimumTtl: 63}").unwrap();
        assert_eq!(own.minimum_ttl(None, Some(2)), Ok(63));
    }
}
