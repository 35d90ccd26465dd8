use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::peer_config::PeerName;
use crate::wire::attr::RouteAttributes;

/// Which peers a route is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerSet {
    /// Every peer, also one that is added later.
    All,
    /// These, sorted by name.
    Only(Arc<[PeerName]>),
}

impl PeerSet {
    /// The set of these peers, in any order.
    #[must_use]
    pub fn only(mut names: Vec<PeerName>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self::Only(names.into())
    }

    /// Whether the peer is in the set.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.binary_search_by(|each| (**each).cmp(name)).is_ok(),
        }
    }
}

/// How one prefix is advertised to a set of peers. When several routes of a prefix are for the same peer, the first is
/// taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// For whom.
    pub peers: PeerSet,
    /// With which attributes. The session's own are added on export: our AS in front of AS_PATH (eBGP), next hop,
    /// LOCAL_PREF 100 when unset (iBGP), link bandwidth.
    pub attributes: Arc<RouteAttributes>,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn finds_its_members_whatever_their_order_was() {
        let set = PeerSet::only(vec!["b".into(), "a".into(), "c".into(), "a".into()]);
        assert!(set.contains("a") && set.contains("b") && set.contains("c"));
        assert!(!set.contains("d"));
        assert!(PeerSet::All.contains("d"));
        assert_eq!(set, PeerSet::only(vec!["c".into(), "b".into(), "a".into()]));
    }
}
