use alloc::{sync::Arc, vec::Vec};

use crate::Interface;

/// Which interfaces addresses are answered on: the union of what several advertisements name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceFilter {
    /// Every interface that leads to other machines.
    pub uplinks: bool,
    /// Names, or patterns with `*` (any text) and `?` (one character); sorted, each once.
    pub patterns: Vec<Arc<str>>,
}

impl InterfaceFilter {
    /// What one advertisement means by its list: without a pattern every uplink.
    pub fn new(patterns: impl IntoIterator<Item = Arc<str>>) -> Self {
        let mut patterns: Vec<Arc<str>> = patterns.into_iter().collect();
        patterns.sort_unstable();
        patterns.dedup();
        Self {
            uplinks: patterns.is_empty(),
            patterns,
        }
    }

    /// All that one of the two takes.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let mut patterns = self.patterns;
        patterns.extend(other.patterns.iter().cloned());
        patterns.sort_unstable();
        patterns.dedup();
        Self {
            uplinks: self.uplinks || other.uplinks,
            patterns,
        }
    }

    /// Whether the interface is one of them.
    pub fn takes(&self, interface: &Interface) -> bool {
        let name = interface.name.as_bytes();
        let named = || {
            let mut patterns = self.patterns.iter();
            patterns.any(|pattern| matches(pattern.as_bytes(), name))
        };
        self.uplinks && interface.uplink || named()
    }
}

/// Whether the whole name fits the pattern. Goes back to the last `*` only, which is enough, so that no pattern costs
/// more than the product of the lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(octet) = name.get(n) {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(expected), _) if *expected == b'?' || expected == octet => {
                p += 1;
                n += 1;
            }
            (_, Some((at, from))) => {
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
            (_, None) => return false,
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|octet| *octet == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
            ("eth*", "eth", true),
            ("eth*", "eth1.100", true),
            ("*.100", "bond0.100", true),
            ("*.100", "bond0.1000", false),
            ("en?3s*f0", "enp3s0f0", true),
            ("en?s*f0", "enps0f1", false),
            ("*", "x", true),
            ("", "x", false),
            ("a*b*c", "aXbYbZc", true),
        ] {
            let matched = matches(pattern.as_bytes(), name.as_bytes());
            assert_eq!(matched, expected, "{pattern} {name}");
        }
    }

    #[test]
    fn no_name_means_every_uplink() {
        let all = InterfaceFilter::new([]);
        let some = InterfaceFilter::new(["eth1".into(), "eth1".into()]);
        assert!(all.uplinks && !some.uplinks && some.patterns.len() == 1);
        let both = some.or(&all);
        assert!(both.uplinks && both.patterns.len() == 1);
    }
}
