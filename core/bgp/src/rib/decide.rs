//! The decision process (RFC 4271 section 9.1.2), with all equal paths instead of one.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::{NextHops, Path, share};
use crate::scope::ScopedAddress;

/// Sets the next hops of the best path and of all that are as good; whether there is any path. Most prefixes have one, and
/// nothing to decide.
pub(crate) fn share_best<'a>(
    mut paths: impl Iterator<Item = &'a Path>,
    shared: &mut NextHops,
) -> bool {
    match (paths.next(), paths.next()) {
        (None, _) => return false,
        (Some(only), None) => share(shared, &[only.next_hop]),
        (Some(first), Some(second)) => {
            let paths = [first, second].into_iter().chain(paths);
            share(shared, &next_hops(paths));
        }
    }
    true
}

/// The next hops of the best path and of all that are as good (ECMP): sorted, each once.
///
/// A path whose sender is about to go comes last, whatever else it has: RFC 8326 section 4.2 asks for a low LOCAL_PREF, and
/// nothing is lower than to lose to any other. Alone it is still the best there is.
///
/// The last steps of the RFC (identifier and address of the peer) pick one of several equal paths; as all of them are
/// taken, there is nothing left to pick. The step before them, the interior cost, is the same for all: a next hop counts
/// only when it is on-link. AS_PATHs of equal length need not be equal.
fn next_hops<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<ScopedAddress> {
    let mut paths: Vec<&Path> = paths.collect();
    keep_least(&mut paths, |path| path.leaving);
    keep_least(&mut paths, |path| Reverse(path.local_pref));
    keep_least(&mut paths, |path| path.hops);
    keep_least(&mut paths, |path| path.origin);
    keep_least_med(&mut paths);
    keep_least(&mut paths, |path| Reverse(path.peer_type));
    let mut next_hops: Vec<_> = paths.iter().map(|path| path.next_hop).collect();
    next_hops.sort_unstable();
    next_hops.dedup();
    next_hops
}

fn keep_least<K: Ord>(paths: &mut Vec<&Path>, key: impl Fn(&Path) -> K) {
    if let Some(least) = paths.iter().map(|path| key(path)).min() {
        paths.retain(|path| key(path) == least);
    }
}

/// MED says something only beside another of the same neighbouring AS (RFC 4271 section 9.1.2.2, c). Looking at all paths
/// at once makes the order in which they came not matter.
fn keep_least_med(paths: &mut Vec<&Path>) {
    let all = paths.clone();
    let beaten = |path: &Path| {
        let beats = |other: &&Path| other.neighbour == path.neighbour && other.med < path.med;
        all.iter().any(beats)
    };
    paths.retain(|path| !beaten(path));
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::params::Asn;
    use crate::wire::PeerType;
    use crate::wire::attr::Origin;

    fn base(last: u8) -> Path {
        Path {
            next_hop: IpAddr::from([192, 0, 2, last]).into(),
            leaving: false,
            local_pref: 100,
            hops: 2,
            origin: Origin::Igp,
            med: 10,
            neighbour: Asn(64513),
            peer_type: PeerType::External,
            own_asns: 0,
        }
    }

    fn chosen(paths: &[Path]) -> Vec<u8> {
        let last = |hop: ScopedAddress| match hop.address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        };
        next_hops(paths.iter()).into_iter().map(last).collect()
    }

    #[test]
    fn each_step_decides_before_all_that_follow_it() {
        let steps: [fn(&mut Path); 6] = [
            |path| path.leaving = false,
            |path| path.local_pref = 101,
            |path| path.hops = 1,
            |path| path.origin = Origin::Igp,
            |path| path.med = 9,
            |path| path.peer_type = PeerType::External,
        ];
        let ordinary = |last| Path {
            leaving: true,
            origin: Origin::Incomplete,
            peer_type: PeerType::Internal,
            ..base(last)
        };
        for (number, improve) in steps.iter().enumerate() {
            let (mut winner, mut loser) = (ordinary(1), ordinary(2));
            improve(&mut winner);
            steps[number + 1..]
                .iter()
                .for_each(|improve| improve(&mut loser));
            assert_eq!(chosen(&[loser, winner]), [1], "step {number}");
        }
    }

    #[test]
    fn equal_paths_are_all_taken_sorted_and_once() {
        assert_eq!(chosen(&[base(3), base(1), base(3), base(2)]), [1, 2, 3]);
        assert!(chosen(&[]).is_empty());
    }

    #[test]
    fn a_path_that_is_leaving_is_taken_while_there_is_no_other() {
        let leaving = Path {
            leaving: true,
            local_pref: 500,
            ..base(1)
        };
        let poor = Path {
            local_pref: 0,
            hops: 9,
            ..base(2)
        };
        assert_eq!(chosen(core::slice::from_ref(&leaving)), [1]);
        assert_eq!(chosen(&[leaving, poor]), [2]);
    }

    #[test]
    fn med_counts_only_among_paths_of_the_same_neighbour() {
        let other = Path {
            neighbour: Asn(64514),
            med: 50,
            ..base(2)
        };
        let beaten = Path { med: 11, ..base(3) };
        assert_eq!(chosen(&[beaten, base(1), other]), [1, 2]);
    }

    fn path() -> impl Strategy<Value = Path> {
        let numbers = (1..9_u8, 0..2_u32, 0..2_u32, 0..2_u32, 0..2_u32);
        (numbers, any::<bool>()).prop_map(|((last, pref, hops, med, neighbour), internal)| Path {
            local_pref: pref,
            hops,
            med,
            neighbour: Asn(neighbour),
            peer_type: match internal {
                true => PeerType::Internal,
                false => PeerType::External,
            },
            ..base(last)
        })
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            (paths, shuffled) in prop::collection::vec(path(), 0..8)
                .prop_flat_map(|paths| (Just(paths.clone()), Just(paths).prop_shuffle()))
        ) {
            prop_assert_eq!(next_hops(paths.iter()), next_hops(shuffled.iter()));
        }
    }
}
