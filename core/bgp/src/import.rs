mod rule;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::params::Prefix;

pub use rule::{ImportRule, InvalidLengths};

/// Which prefixes of a peer are accepted. The default accepts none (RFC 8212).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// A prefix that one of these is for is accepted ...
    pub rules: Vec<ImportRule>,
    /// ... unless it is inside one of these.
    pub except: Vec<Prefix>,
    /// Accepted prefixes of one family, at most.
    pub max_prefixes: u32,
    /// What becomes of a peer that has more.
    pub excess: Excess,
}

/// What becomes of a peer that advertises more prefixes than are accepted of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Excess {
    /// What comes on top is ignored and counted.
    #[default]
    Ignore,
    /// Its session ends (Cease/Maximum Number of Prefixes Reached, RFC 4486), and is tried again after a minute; after
    /// half an hour at most, if it goes on.
    Cease,
}

impl Import {
    /// Accepts what is inside one of the prefixes, whatever its length, without our own AS in its path.
    #[must_use]
    pub fn within(prefixes: impl IntoIterator<Item = Prefix>, max_prefixes: u32) -> Self {
        Self {
            rules: prefixes.into_iter().map(ImportRule::within).collect(),
            max_prefixes,
            ..Self::default()
        }
    }

    /// Whether the rules let the prefix pass.
    #[must_use]
    pub fn accepts(&self, prefix: &Prefix) -> bool {
        self.own_asns_allowed(prefix).is_some()
    }

    /// Whether routes to the prefix are for the routing table too: a rule that lets it pass says so.
    #[must_use]
    pub fn installs(&self, prefix: &Prefix) -> bool {
        self.rules_for(prefix).any(|rule| rule.install) && !covers(&self.except, prefix)
    }

    /// The same, of a rule that is for this prefix and no other one.
    #[must_use]
    pub fn names(&self, prefix: &Prefix) -> bool {
        let mut rules = self.rules_for(prefix).filter(|rule| rule.is_for_one());
        rules.any(|rule| rule.install) && !covers(&self.except, prefix)
    }

    /// Whether nothing can pass.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.rules.is_empty() || self.max_prefixes == 0
    }

    /// Whether `before` let everything pass that passes now: then the peer need not send its routes again. May say no
    /// where a closer look would say yes.
    #[must_use]
    pub fn narrows(&self, before: &Self) -> bool {
        let passed = |rule: &ImportRule| {
            before.rules.iter().any(|wider| rule.narrows(wider))
                || covers(&self.except, &rule.prefix)
        };
        let still_left_out = |prefix: &Prefix| {
            let touches =
                |rule: &ImportRule| rule.prefix.contains(prefix) || prefix.contains(&rule.prefix);
            covers(&self.except, prefix) || !self.rules.iter().any(touches)
        };
        self.is_closed()
            || self.max_prefixes <= before.max_prefixes
                && self.rules.iter().all(passed)
                && before.except.iter().all(still_left_out)
    }

    /// How often our own AS may stand in AS_PATH of a route to the prefix, by the most generous rule; `None`: it does not
    /// pass.
    pub(crate) fn own_asns_allowed(&self, prefix: &Prefix) -> Option<u8> {
        let allowed = self.rules_for(prefix).map(|rule| rule.allow_own_asn).max();
        allowed.filter(|_| !covers(&self.except, prefix))
    }

    fn rules_for(&self, prefix: &Prefix) -> impl Iterator<Item = &ImportRule> {
        self.rules.iter().filter(move |rule| rule.is_for(prefix))
    }
}

fn covers(list: &[Prefix], prefix: &Prefix) -> bool {
    list.iter().any(|each| each.contains(prefix))
}

#[cfg(test)]
mod tests;
