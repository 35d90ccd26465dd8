//! What others say about an address.

use core::{net::IpAddr, time::Duration};

use super::Speaker;
use crate::{NodeName, Rank, claim::Claim};

/// What others say about an address, seen from our rank.
#[derive(Clone, Debug, Default)]
pub(super) struct Rivals {
    /// The greatest candidate above us.
    pub(super) better: Option<(Rank, NodeName)>,
    /// A claim of somebody above us.
    pub(super) better_claim: Option<NodeName>,
    /// Somebody answers now, and goes on if we let them.
    pub(super) claim: Option<(NodeName, bool)>,
}

impl Speaker {
    pub(super) fn rivals(&self, address: IpAddr, claim: &Claim, own: Rank) -> Rivals {
        let mut rivals = Rivals::default();
        for (node, entry) in self.membership.entries(address, &claim.interfaces) {
            if entry.claimed {
                rivals.claim = Some((node.clone(), entry.candidate));
            }
            if !entry.candidate {
                continue;
            }
            let rank = entry.rank(node);
            if rank <= own {
                continue;
            }
            if entry.claimed {
                rivals.better_claim = Some(node.clone());
            }
            if rivals.better.as_ref().is_none_or(|(best, _)| *best < rank) {
                rivals.better = Some((rank, node.clone()));
            }
        }
        rivals
    }

    /// Who is to own an address, as far as we know: the one who says so, or else the greatest above us.
    pub(super) fn owner(&self, now: Duration, address: IpAddr, claim: &Claim) -> Option<NodeName> {
        let own = self.entry(now, address, claim).rank(&self.config.node);
        let rivals = self.rivals(address, claim, own);
        let claimed = rivals.claim.map(|(node, _)| node);
        claimed.or(rivals.better.map(|(_, node)| node))
    }

    /// Who answers it, of the others.
    pub(super) fn successor(&self, address: IpAddr, claim: &Claim) -> Option<NodeName> {
        let mut others = self.membership.entries(address, &claim.interfaces);
        let found = others.find(|(_, entry)| entry.claimed);
        found.map(|(node, _)| node.clone())
    }
}
