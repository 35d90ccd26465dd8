use alloc::vec::Vec;

use super::as_path::hops;
use super::{AsPath, FaultReason, SegmentKind};
use crate::params::Asn;
use crate::wire::AsnWidth;

/// Reads AS4_PATH; empty is malformed here (RFC 6793 section 6).
pub(super) fn decode(value: &[u8]) -> Result<AsPath, FaultReason> {
    match value.is_empty() {
        true => Err(FaultReason::Length),
        false => AsPath::decode(value, AsnWidth::Four),
    }
}

/// The real path of a 2-octet session: what AS_PATH has in front of AS4_PATH, then AS4_PATH (RFC 6793 section 4.2.3).
/// Confederation segments of AS4_PATH do not count (section 6).
pub(crate) fn merge(as_path: AsPath, as4_path: &AsPath) -> AsPath {
    let mut tail = AsPath::EMPTY;
    for segment in as4_path
        .segments()
        .iter()
        .filter(|s| !s.kind().is_confederation())
    {
        tail.push(segment.kind(), segment.asns());
    }
    let Some(mut missing) = as_path.hop_count().checked_sub(tail.hop_count()) else {
        return as_path;
    };
    let mut merged = AsPath::EMPTY;
    for segment in as_path.segments() {
        if missing == 0 && !segment.kind().is_confederation() {
            break;
        }
        let taken = match segment.kind() {
            SegmentKind::Sequence => segment.asns().get(..missing).unwrap_or(segment.asns()),
            SegmentKind::Set | SegmentKind::ConfedSequence | SegmentKind::ConfedSet => {
                segment.asns()
            }
        };
        merged.push(segment.kind(), taken);
        missing = missing.saturating_sub(hops(segment));
    }
    append(merged, &tail)
}

/// Joins two sequences where they meet, so that the path looks as if it had never been split.
fn append(mut head: AsPath, tail: &AsPath) -> AsPath {
    let last_is_sequence = head
        .segments()
        .last()
        .is_some_and(|segment| segment.kind() == SegmentKind::Sequence);
    match tail.segments().split_first() {
        Some((first, rest)) if last_is_sequence && first.kind() == SegmentKind::Sequence => {
            let (last, before) = head.segments().split_last().unzip();
            let joined: Vec<Asn> = [last, Some(first)]
                .into_iter()
                .flatten()
                .flat_map(|segment| segment.asns().iter().copied())
                .collect();
            let mut path = AsPath::EMPTY;
            before
                .unwrap_or_default()
                .iter()
                .for_each(|s| path.push(s.kind(), s.asns()));
            path.push(SegmentKind::Sequence, &joined);
            rest.iter().for_each(|s| path.push(s.kind(), s.asns()));
            path
        }
        _ => {
            tail.segments()
                .iter()
                .for_each(|s| head.push(s.kind(), s.asns()));
            head
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(asns: &[u32]) -> AsPath {
        AsPath::sequence(&asns.iter().copied().map(Asn).collect::<Vec<_>>())
    }

    #[test]
    fn puts_the_systems_that_know_only_two_octets_in_front() {
        let merged = merge(
            path(&[65001, 65002, 23456, 23456]),
            &path(&[100_000, 200_000]),
        );
        assert_eq!(merged, path(&[65001, 65002, 100_000, 200_000]));
    }

    #[test]
    fn replaces_the_whole_path_when_the_lengths_are_equal() {
        assert_eq!(
            merge(path(&[23456, 2]), &path(&[100_000, 2])),
            path(&[100_000, 2])
        );
    }

    #[test]
    fn ignores_an_as4_path_that_is_longer() {
        assert_eq!(
            merge(path(&[65001]), &path(&[100_000, 200_000])),
            path(&[65001])
        );
    }

    #[test]
    fn leaves_confederation_segments_of_the_as4_path_out() {
        let mut as4 = AsPath::EMPTY;
        as4.push(SegmentKind::ConfedSequence, &[Asn(7), Asn(8)]);
        as4.push(SegmentKind::Sequence, &[Asn(100_000)]);
        assert_eq!(merge(path(&[65001, 23456]), &as4), path(&[65001, 100_000]));
    }

    #[test]
    fn counts_a_set_once() {
        let mut as_path = path(&[65001]);
        as_path.push(SegmentKind::Set, &[Asn(1), Asn(23456)]);
        let mut as4 = AsPath::EMPTY;
        as4.push(SegmentKind::Set, &[Asn(1), Asn(100_000)]);
        let mut expected = path(&[65001]);
        expected.push(SegmentKind::Set, &[Asn(1), Asn(100_000)]);
        assert_eq!(merge(as_path, &as4), expected);
    }
}
