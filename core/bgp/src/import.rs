use alloc::vec::Vec;

use crate::params::Prefix;

/// Which prefixes of a peer are accepted. The default accepts none (RFC 8212).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// A prefix inside one of these is accepted ...
    pub within: Vec<Prefix>,
    /// ... unless it is inside one of these.
    pub except: Vec<Prefix>,
    /// Accepted prefixes of one family, at most; what comes on top is ignored and counted.
    pub max_prefixes: u32,
    /// How often our own AS may stand in AS_PATH of an accepted route.
    pub allow_own_asn: u8,
}

impl Import {
    /// Whether the lists let the prefix pass.
    #[must_use]
    pub fn accepts(&self, prefix: &Prefix) -> bool {
        covers(&self.within, prefix) && !covers(&self.except, prefix)
    }

    /// Whether nothing can pass.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.within.is_empty() || self.max_prefixes == 0
    }

    /// Whether `before` let everything pass that passes now: then the peer need not send its routes again. May say no
    /// where a closer look would say yes.
    #[must_use]
    pub fn narrows(&self, before: &Self) -> bool {
        let inside = |prefix| covers(&before.within, prefix) || covers(&self.except, prefix);
        let still_left_out = |prefix: &Prefix| {
            let touches = |part: &Prefix| part.contains(prefix) || prefix.contains(part);
            covers(&self.except, prefix) || !self.within.iter().any(touches)
        };
        self.is_closed()
            || self.max_prefixes <= before.max_prefixes
                && self.allow_own_asn <= before.allow_own_asn
                && self.within.iter().all(inside)
                && before.except.iter().all(still_left_out)
    }
}

fn covers(list: &[Prefix], prefix: &Prefix) -> bool {
    list.iter().any(|each| each.contains(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn import(within: &[&str], except: &[&str]) -> Import {
        let parse = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Import {
            within: parse(within),
            except: parse(except),
            max_prefixes: 10,
            allow_own_asn: 0,
        }
    }

    fn accepts(import: &Import, prefix: &str) -> bool {
        import.accepts(&prefix.parse().unwrap())
    }

    #[test]
    fn accepts_nothing_by_default() {
        assert!(!accepts(&Import::default(), "10.244.1.0/24"));
        assert!(!accepts(&Import::default(), "::/0"));
    }

    #[test]
    fn accepts_what_is_inside_and_not_excepted() {
        let import = import(&["10.244.0.0/16", "fd00::/48"], &["10.244.1.0/24"]);
        assert!(accepts(&import, "10.244.2.0/24") && accepts(&import, "fd00::/64"));
        assert!(accepts(&import, "10.244.0.0/16"));
        assert!(!accepts(&import, "10.244.1.128/25") && !accepts(&import, "10.0.0.0/8"));
    }

    #[test]
    fn knows_what_is_narrower() {
        let before = import(&["10.244.0.0/16"], &["10.244.1.0/24"]);
        assert!(before.narrows(&before));
        assert!(Import::default().narrows(&before) && !before.narrows(&Import::default()));
        assert!(import(&["10.244.8.0/24"], &[]).narrows(&before));
        assert!(!import(&["10.244.0.0/16"], &["10.244.2.0/24"]).narrows(&before));
        assert!(!import(&["10.0.0.0/8"], &["10.244.1.0/24"]).narrows(&before));
        let more = Import {
            max_prefixes: 11,
            ..before.clone()
        };
        assert!(before.narrows(&more) && !more.narrows(&before));
    }

    fn prefix() -> impl Strategy<Value = Prefix> {
        (0..16_u8, 4..=8_u8)
            .prop_map(|(bits, length)| Prefix::new([bits << 4, 0, 0, 0].into(), length).unwrap())
    }

    fn any_import() -> impl Strategy<Value = Import> {
        let list = || prop::collection::vec(prefix(), 0..4);
        (list(), list()).prop_map(|(within, except)| Import {
            within,
            except,
            max_prefixes: 1,
            allow_own_asn: 0,
        })
    }

    proptest! {
        #[test]
        fn what_a_narrower_one_accepts_was_accepted(
            now in any_import(), before in any_import(), prefix in prefix()
        ) {
            let newly = now.accepts(&prefix) && !before.accepts(&prefix);
            prop_assert!(!(now.narrows(&before) && newly));
        }
    }
}
