use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::FaultReason;
use crate::params::Asn;
use crate::wire::reader::Reader;
use crate::wire::{AsnWidth, PeerType};

/// What kind of path segment (RFC 4271 section 4.3, RFC 5065 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum SegmentKind {
    /// Unordered; no longer to be used (RFC 9774).
    Set = 1,
    /// In the order passed, last AS first.
    Sequence = 2,
    /// Members of a confederation in order.
    ConfedSequence = 3,
    /// Members of a confederation, unordered.
    ConfedSet = 4,
}

impl SegmentKind {
    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Set,
            2 => Self::Sequence,
            3 => Self::ConfedSequence,
            4 => Self::ConfedSet,
            _ => return None,
        })
    }

    /// Whether the segment is of a confederation.
    #[must_use]
    pub const fn is_confederation(self) -> bool {
        matches!(self, Self::ConfedSequence | Self::ConfedSet)
    }
}

/// One segment: 1 to 255 numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Segment {
    kind: SegmentKind,
    asns: Vec<Asn>,
}

impl Segment {
    /// Numbers that the length octet can count.
    pub const MAX: usize = 255;

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> SegmentKind {
        self.kind
    }

    /// The numbers: 1 to 255.
    #[must_use]
    pub fn asns(&self) -> &[Asn] {
        &self.asns
    }
}

/// The systems a route passed, nearest first (RFC 4271 section 5.1.2). Empty for a route of our own AS.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AsPath {
    segments: Vec<Segment>,
}

impl AsPath {
    /// The path of a route that left no AS yet.
    pub const EMPTY: Self = Self {
        segments: Vec::new(),
    };

    /// A path of these systems in order, nearest first.
    #[must_use]
    pub fn sequence(asns: &[Asn]) -> Self {
        let mut path = Self::EMPTY;
        path.push(SegmentKind::Sequence, asns);
        path
    }

    /// Appends a segment at the far end; more than 255 numbers become several segments, none becomes no segment.
    pub fn push(&mut self, kind: SegmentKind, asns: &[Asn]) {
        let segments = asns.chunks(Segment::MAX).map(|asns| Segment {
            kind,
            asns: asns.to_vec(),
        });
        self.segments.extend(segments);
    }

    /// Puts a system in front (RFC 4271 section 5.1.2).
    pub fn prepend(&mut self, asn: Asn) {
        match self.segments.first_mut() {
            Some(Segment {
                kind: SegmentKind::Sequence,
                asns,
            }) if asns.len() < Segment::MAX => {
                asns.insert(0, asn);
            }
            _ => {
                let segment = Segment {
                    kind: SegmentKind::Sequence,
                    asns: [asn].to_vec(),
                };
                self.segments.insert(0, segment);
            }
        }
    }

    /// The segments, nearest first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether no AS was passed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Length for the decision process: a set counts once, a confederation segment not at all (RFC 4271 section 9.1.2.2,
    /// RFC 5065 section 5.3).
    #[must_use]
    pub fn hop_count(&self) -> usize {
        self.segments.iter().map(hops).sum()
    }

    /// Every number in it.
    pub fn asns(&self) -> impl Iterator<Item = Asn> {
        self.segments
            .iter()
            .flat_map(|segment| segment.asns.iter().copied())
    }

    /// Whether the path has been there: loop detection (RFC 4271 section 9.1.2).
    #[must_use]
    pub fn contains(&self, asn: Asn) -> bool {
        self.asns().any(|other| other == asn)
    }

    /// The neighbouring AS that the route came from, when the path tells.
    #[must_use]
    pub fn first(&self) -> Option<Asn> {
        let outside = self
            .segments
            .iter()
            .find(|segment| !segment.kind.is_confederation())?;
        match outside.kind {
            SegmentKind::Sequence => outside.asns.first().copied(),
            SegmentKind::Set | SegmentKind::ConfedSequence | SegmentKind::ConfedSet => None,
        }
    }

    /// What may not stand in a path although it can be read (RFC 7607, RFC 9774, RFC 5065 section 5).
    pub(crate) fn defect(&self, peer_type: PeerType) -> Option<FaultReason> {
        let any = |test: fn(SegmentKind) -> bool| self.segments.iter().any(|s| test(s.kind));
        if any(|kind| matches!(kind, SegmentKind::Set | SegmentKind::ConfedSet)) {
            return Some(FaultReason::AsSet);
        }
        if peer_type == PeerType::External && any(SegmentKind::is_confederation) {
            return Some(FaultReason::Confederation);
        }
        self.asns().any(Asn::is_zero).then_some(FaultReason::AsZero)
    }

    /// Reads segments up to the end (RFC 7606 section 7.2).
    pub(crate) fn decode(value: &[u8], width: AsnWidth) -> Result<Self, FaultReason> {
        let mut reader = Reader::new(value);
        let mut path = Self::EMPTY;
        while let Some(code) = reader.u8() {
            let kind = SegmentKind::from_code(code).ok_or(FaultReason::Segment)?;
            let count = reader
                .u8()
                .filter(|&count| count > 0)
                .ok_or(FaultReason::Segment)?;
            let asns: Option<Vec<Asn>> =
                (0..count).map(|_| decode_asn(&mut reader, width)).collect();
            path.segments.push(Segment {
                kind,
                asns: asns.ok_or(FaultReason::Segment)?,
            });
        }
        Ok(path)
    }

    pub(crate) fn encode(&self, width: AsnWidth, out: &mut Vec<u8>) {
        for segment in &self.segments {
            let count = u8::try_from(segment.asns.len()).unwrap_or(u8::MAX);
            out.extend_from_slice(&[segment.kind as u8, count]);
            for asn in segment.asns.iter().take(usize::from(count)) {
                match width {
                    AsnWidth::Two => out.extend_from_slice(&asn.to_2octet().to_be_bytes()),
                    AsnWidth::Four => out.extend_from_slice(&asn.0.to_be_bytes()),
                }
            }
        }
    }
}

/// What one segment counts in [`AsPath::hop_count`].
pub(super) fn hops(segment: &Segment) -> usize {
    match segment.kind {
        SegmentKind::Sequence => segment.asns.len(),
        SegmentKind::Set => 1,
        SegmentKind::ConfedSequence | SegmentKind::ConfedSet => 0,
    }
}

/// As operators write it: sets in braces, confederation segments in parentheses.
impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            let (open, gap, close) = match segment.kind {
                SegmentKind::Sequence => ("", " ", ""),
                SegmentKind::Set => ("{", ",", "}"),
                SegmentKind::ConfedSequence => ("(", " ", ")"),
                SegmentKind::ConfedSet => ("[", ",", "]"),
            };
            f.write_str(if position == 0 { "" } else { " " })?;
            f.write_str(open)?;
            for (position, asn) in segment.asns.iter().enumerate() {
                f.write_str(if position == 0 { "" } else { gap })?;
                asn.fmt(f)?;
            }
            f.write_str(close)?;
        }
        Ok(())
    }
}

fn decode_asn(reader: &mut Reader<'_>, width: AsnWidth) -> Option<Asn> {
    match width {
        AsnWidth::Two => reader.u16().map(Asn::from),
        AsnWidth::Four => reader.u32().map(Asn),
    }
}
