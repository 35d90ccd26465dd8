use crate::params::{Asn, BgpIdentifier};

/// Of two connections with one peer, whether the one that we dialled is kept: the speaker with the greater identifier
/// keeps its own, and among equal identifiers the one with the greater AS (RFC 4271 section 6.8, RFC 6286 section 2.3).
/// Both ends come to the same result.
pub(crate) fn keeps_dialled(ours: (BgpIdentifier, Asn), theirs: (BgpIdentifier, Asn)) -> bool {
    ours > theirs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker(identifier: u32, asn: u32) -> (BgpIdentifier, Asn) {
        (BgpIdentifier::new(identifier).unwrap(), Asn(asn))
    }

    #[test]
    fn both_ends_keep_the_same_connection() {
        for (a, b) in [
            (speaker(1, 9), speaker(2, 1)),
            (speaker(5, 1), speaker(5, 2)),
        ] {
            assert!(keeps_dialled(b, a));
            assert!(!keeps_dialled(a, b));
        }
    }
}
