use std::collections::BTreeSet;

/// Most ranges of one program.
pub(super) const MOST: usize = 256;

/// All addresses whose first words are these, whose next word is between `low` and `high`, and whose other words are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range<const WORDS: usize> {
    words: [u32; WORDS],
    depth: usize,
    /// Least value of the word at `depth`.
    pub(super) low: u32,
    /// Greatest value of the word at `depth`.
    pub(super) high: u32,
}

/// At most [`MOST`] ranges that cover all of the addresses, given as words of 32 bits, and as little else as possible:
/// neighbours in order whose distance is least come into one range.
pub(super) fn cover<const WORDS: usize>(
    addresses: impl Iterator<Item = [u32; WORDS]>,
) -> Vec<Range<WORDS>> {
    let sorted: Vec<_> = BTreeSet::from_iter(addresses).into_iter().collect();
    let pairs = sorted.iter().zip(sorted.iter().skip(1)).enumerate();
    let mut gaps: Vec<_> = pairs
        .map(|(before, (lower, upper))| (number(upper) - number(lower), before))
        .filter(|(distance, _)| *distance > 1)
        .collect();
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    gaps.truncate(MOST - 1);
    let mut ends: Vec<_> = gaps.into_iter().map(|(_, before)| before).collect();
    ends.sort_unstable();
    ends.extend(sorted.len().checked_sub(1));
    let mut first = 0;
    let ranges = ends.into_iter().filter_map(|last| {
        let range = Range::between(sorted.get(first)?, sorted.get(last)?);
        first = last + 1;
        Some(range)
    });
    ranges.collect()
}

impl<const WORDS: usize> Range<WORDS> {
    /// The least one with both in it.
    fn between(lower: &[u32; WORDS], upper: &[u32; WORDS]) -> Self {
        let mut words = lower.iter().zip(upper);
        let depth = words
            .position(|(lower, upper)| lower != upper)
            .unwrap_or(WORDS - 1);
        let word = |words: &[u32; WORDS]| words.get(depth).copied().unwrap_or_default();
        Self {
            words: *lower,
            depth,
            low: word(lower),
            high: word(upper),
        }
    }

    /// The first words, which have to be equal.
    pub(super) fn equal(&self) -> &[u32] {
        self.words.get(..self.depth).unwrap_or_default()
    }
}

/// The address as a number.
fn number<const WORDS: usize>(words: &[u32; WORDS]) -> u128 {
    let words = words.iter();
    words.fold(0, |number, word| number << 32 | u128::from(*word))
}
