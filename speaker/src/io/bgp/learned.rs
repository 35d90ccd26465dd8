use std::sync::Arc;

use bgp::{NextHops, Prefix};
use plan::Learned;

/// Takes over what the speaker tells; whether any of it is new. All of it becomes one new map, and none at all does not
/// touch the old one.
pub(super) fn take_over(
    learned: &mut Learned,
    mut told: impl Iterator<Item = (Prefix, NextHops)>,
) -> bool {
    let Some(first) = told.find(|(prefix, next_hops)| is_new(learned, prefix, next_hops)) else {
        return false;
    };
    let map = Arc::make_mut(learned);
    for (prefix, next_hops) in [first].into_iter().chain(told) {
        match next_hops.is_empty() {
            true => map.remove(&prefix),
            false => map.insert(prefix, next_hops),
        };
    }
    true
}

fn is_new(learned: &Learned, prefix: &Prefix, next_hops: &NextHops) -> bool {
    match learned.get(prefix) {
        Some(before) => before != next_hops,
        None => !next_hops.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn told(number: u8, next_hops: &[u8]) -> (Prefix, NextHops) {
        let prefix = Prefix::new([10, 244, number, 0].into(), 24).unwrap();
        let next_hops = next_hops
            .iter()
            .map(|last| IpAddr::from([192, 0, 2, *last]).into());
        (prefix, next_hops.collect())
    }

    #[test]
    fn keeps_the_map_when_nothing_is_new() {
        let mut learned = Learned::default();
        assert!(!take_over(&mut learned, [told(1, &[])].into_iter()));
        assert!(take_over(
            &mut learned,
            [told(1, &[2]), told(2, &[2, 3])].into_iter()
        ));
        let before = learned.clone();
        let again = [told(1, &[2]), told(2, &[2, 3]), told(3, &[])];
        assert!(!take_over(&mut learned, again.into_iter()));
        assert!(Arc::ptr_eq(&before, &learned));
    }

    #[test]
    fn leaves_the_map_alone_that_others_look_at() {
        let mut learned = Learned::default();
        take_over(&mut learned, [told(1, &[2]), told(2, &[2])].into_iter());
        let before = learned.clone();
        let changes = [told(1, &[2]), told(2, &[]), told(3, &[3])];
        assert!(take_over(&mut learned, changes.into_iter()));
        let expected = [told(1, &[2]), told(3, &[3])].into();
        assert_eq!((before.len(), &*learned), (2, &expected));
    }
}
