use alloc::vec::Vec;

/// What can be wrong with the encoding of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    None,
    /// Partial and the four unused bits, which say nothing (RFC 7606 section 3 c).
    OtherFlags,
    /// The length in two octets although one would do.
    LongForm,
    OptionalFlag,
    TransitiveFlag,
    BothFlags,
    OneOctetLess,
    OneOctetMore,
    Empty,
    Twice,
    Missing,
    /// The length says one octet more than there is.
    LengthTooLong,
    /// The length says one octet less: the last one looks like the next attribute.
    LengthTooShort,
    /// Nothing but the flags.
    CutAfterFlags,
    /// No length.
    CutAfterCode,
}

impl Defect {
    /// In the order of the letters in the table.
    pub(super) const ALL: [Self; 15] = [
        Self::None,
        Self::OtherFlags,
        Self::LongForm,
        Self::OptionalFlag,
        Self::TransitiveFlag,
        Self::BothFlags,
        Self::OneOctetLess,
        Self::OneOctetMore,
        Self::Empty,
        Self::Twice,
        Self::Missing,
        Self::LengthTooLong,
        Self::LengthTooShort,
        Self::CutAfterFlags,
        Self::CutAfterCode,
    ];

    /// The attribute with the defect; nothing when it cannot have it.
    pub(super) fn apply(self, flags: u8, code: u8, value: &[u8]) -> Option<Vec<u8>> {
        let length = u8::try_from(value.len()).unwrap();
        let with = |flags, length, value: &[u8]| [&[flags, code, length], value].concat();
        Some(match self {
            Self::None => with(flags, length, value),
            Self::OtherFlags => with(flags | 0x2f, length, value),
            Self::LongForm => [&[flags | 0x10, code, 0, length], value].concat(),
            Self::OptionalFlag => with(flags ^ 0x80, length, value),
            Self::TransitiveFlag => with(flags ^ 0x40, length, value),
            Self::BothFlags => with(flags ^ 0xc0, length, value),
            Self::OneOctetLess => {
                let (_, shorter) = value.split_last()?;
                with(flags, length - 1, shorter)
            }
            Self::OneOctetMore => with(flags, length + 1, &[value, &[0xff]].concat()),
            Self::Empty => with(flags, 0, &[]),
            Self::Twice => with(flags, length, value).repeat(2),
            Self::Missing => Vec::new(),
            Self::LengthTooLong => with(flags, length + 1, value),
            Self::LengthTooShort => with(flags, length.checked_sub(1)?, value),
            Self::CutAfterFlags => Vec::from([flags]),
            Self::CutAfterCode => Vec::from([flags, code]),
        })
    }
}
