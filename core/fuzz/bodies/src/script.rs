use bgp::FamilySet;
use bgp::wire::{AsnWidth, Dialect, PeerType};

/// Octets as a sequence of decisions; when they are used up, all further ones are 0.
pub(crate) struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        *first
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, limit: u8) -> u8 {
        self.u8() % limit
    }

    /// Eight decisions, the lowest bit first.
    pub(crate) fn bits(&mut self) -> [bool; 8] {
        let octet = self.u8();
        core::array::from_fn(|bit| octet >> bit & 1 == 1)
    }

    /// So many octets as the next one says, if there are.
    pub(crate) fn octets(&mut self) -> &'a [u8] {
        let length = usize::from(self.u8()).min(self.rest.len());
        let (octets, rest) = self.rest.split_at(length);
        self.rest = rest;
        octets
    }

    /// How a BGP session speaks.
    pub(crate) fn dialect(&mut self) -> Dialect {
        let [
            internal,
            wide,
            ipv4,
            ipv6,
            extended_next_hop,
            long,
            marks,
            _,
        ] = self.bits();
        Dialect {
            peer_type: if internal {
                PeerType::Internal
            } else {
                PeerType::External
            },
            asn_width: if wide { AsnWidth::Four } else { AsnWidth::Two },
            families: match (ipv4, ipv6) {
                (false, false) => FamilySet::NONE,
                (true, false) => FamilySet::IPV4,
                (false, true) => FamilySet::IPV6,
                (true, true) => FamilySet::BOTH,
            },
            extended_next_hop,
            enhanced_route_refresh: marks,
            max_message_length: if long {
                Dialect::EXTENDED_LENGTH
            } else {
                Dialect::STANDARD_LENGTH
            },
        }
    }
}
