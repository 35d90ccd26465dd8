//! Path attributes: one file each.

mod aggregator;
mod as4_path;
mod as_path;
mod cluster_list;
mod communities;
mod extended_communities;
mod fault;
mod flags;
mod large_communities;
mod mp_reach;
mod mp_unreach;
mod next_hop;
mod number;
mod origin;
mod route_attributes;
mod unknown;

use alloc::vec::Vec;
use core::net::Ipv4Addr;

pub use aggregator::Aggregator;
pub use as_path::{AsPath, Segment, SegmentKind};
pub(crate) use as4_path::merge;
pub use fault::{AttributeFault, FaultReason};
pub use flags::AttributeFlags;
pub(crate) use flags::encode as encode_attribute;
pub use mp_reach::MpReach;
pub(crate) use mp_reach::{encode_family, encode_start as encode_reach_start};
pub use mp_unreach::MpUnreach;
pub use next_hop::NextHop;
pub use origin::Origin;
pub use route_attributes::{ReceivedAttributes, RouteAttributes};
pub use unknown::UnknownAttribute;

use super::{AsnWidth, AttributeCode, Dialect};
use crate::params::{BgpIdentifier, Community, ExtendedCommunity, LargeCommunity};

/// One attribute of an UPDATE, as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathAttribute {
    /// RFC 4271 section 5.1.1.
    Origin(Origin),
    /// RFC 4271 section 5.1.2; numbers as wide as the session's.
    AsPath(AsPath),
    /// RFC 4271 section 5.1.3: of the prefixes outside MP_REACH_NLRI.
    NextHop(Ipv4Addr),
    /// RFC 4271 section 5.1.4.
    MultiExitDisc(u32),
    /// RFC 4271 section 5.1.5.
    LocalPref(u32),
    /// RFC 4271 section 5.1.6.
    AtomicAggregate,
    /// RFC 4271 section 5.1.7.
    Aggregator(Aggregator),
    /// RFC 1997, in the order sent.
    Communities(Vec<Community>),
    /// RFC 4456 section 8.
    OriginatorId(BgpIdentifier),
    /// RFC 4456 section 8, last reflector first.
    ClusterList(Vec<Ipv4Addr>),
    /// RFC 4760 section 3.
    MpReach(MpReach),
    /// RFC 4760 section 4.
    MpUnreach(MpUnreach),
    /// RFC 4360, in the order sent.
    ExtendedCommunities(Vec<ExtendedCommunity>),
    /// RFC 6793 section 3: the path in 4-octet numbers for a session with 2-octet ones.
    As4Path(AsPath),
    /// RFC 6793 section 3.
    As4Aggregator(Aggregator),
    /// RFC 8092, in the order sent.
    LargeCommunities(Vec<LargeCommunity>),
    /// Optional and not known.
    Unknown(UnknownAttribute),
}

impl PathAttribute {
    /// The type code.
    #[must_use]
    pub const fn code(&self) -> AttributeCode {
        match self {
            Self::Origin(_) => AttributeCode::ORIGIN,
            Self::AsPath(_) => AttributeCode::AS_PATH,
            Self::NextHop(_) => AttributeCode::NEXT_HOP,
            Self::MultiExitDisc(_) => AttributeCode::MULTI_EXIT_DISC,
            Self::LocalPref(_) => AttributeCode::LOCAL_PREF,
            Self::AtomicAggregate => AttributeCode::ATOMIC_AGGREGATE,
            Self::Aggregator(_) => AttributeCode::AGGREGATOR,
            Self::Communities(_) => AttributeCode::COMMUNITIES,
            Self::OriginatorId(_) => AttributeCode::ORIGINATOR_ID,
            Self::ClusterList(_) => AttributeCode::CLUSTER_LIST,
            Self::MpReach(_) => AttributeCode::MP_REACH_NLRI,
            Self::MpUnreach(_) => AttributeCode::MP_UNREACH_NLRI,
            Self::ExtendedCommunities(_) => AttributeCode::EXTENDED_COMMUNITIES,
            Self::As4Path(_) => AttributeCode::AS4_PATH,
            Self::As4Aggregator(_) => AttributeCode::AS4_AGGREGATOR,
            Self::LargeCommunities(_) => AttributeCode::LARGE_COMMUNITIES,
            Self::Unknown(unknown) => unknown.code,
        }
    }

    /// Reads the value of an attribute whose flags were looked at already.
    pub(super) fn decode(
        code: AttributeCode,
        flags: AttributeFlags,
        value: &[u8],
        dialect: &Dialect,
    ) -> Result<Self, FaultReason> {
        Ok(match code {
            AttributeCode::ORIGIN => Self::Origin(Origin::decode(value)?),
            AttributeCode::AS_PATH => Self::AsPath(AsPath::decode(value, dialect.asn_width)?),
            AttributeCode::NEXT_HOP => Self::NextHop(next_hop::decode_ipv4(value)?),
            AttributeCode::MULTI_EXIT_DISC => Self::MultiExitDisc(number::decode(value)?),
            AttributeCode::LOCAL_PREF => Self::LocalPref(number::decode(value)?),
            AttributeCode::ATOMIC_AGGREGATE => match value.is_empty() {
                true => Self::AtomicAggregate,
                false => return Err(FaultReason::Length),
            },
            AttributeCode::AGGREGATOR => {
                Self::Aggregator(Aggregator::decode(value, dialect.asn_width)?)
            }
            AttributeCode::COMMUNITIES => Self::Communities(communities::decode(value)?),
            AttributeCode::ORIGINATOR_ID => Self::OriginatorId(
                BgpIdentifier::new(number::decode(value)?).ok_or(FaultReason::Value)?,
            ),
            AttributeCode::CLUSTER_LIST => Self::ClusterList(cluster_list::decode(value)?),
            AttributeCode::MP_REACH_NLRI => Self::MpReach(MpReach::decode(value, dialect)?),
            AttributeCode::MP_UNREACH_NLRI => Self::MpUnreach(MpUnreach::decode(value, dialect)?),
            AttributeCode::EXTENDED_COMMUNITIES => {
                Self::ExtendedCommunities(extended_communities::decode(value)?)
            }
            AttributeCode::AS4_PATH => Self::As4Path(as4_path::decode(value)?),
            AttributeCode::AS4_AGGREGATOR => {
                Self::As4Aggregator(Aggregator::decode(value, AsnWidth::Four)?)
            }
            AttributeCode::LARGE_COMMUNITIES => {
                Self::LargeCommunities(large_communities::decode(value)?)
            }
            _ => Self::Unknown(UnknownAttribute {
                code,
                flags,
                value: value.to_vec(),
            }),
        })
    }

    /// Appends the attribute with its header.
    pub(super) fn encode(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        let unknown = if let Self::Unknown(unknown) = self {
            Some(unknown.flags)
        } else {
            None
        };
        let flags = unknown.or(AttributeFlags::of(self.code()));
        let flags = flags.unwrap_or(AttributeFlags::OPTIONAL_TRANSITIVE);
        flags::encode(flags, self.code(), out, |out| {
            self.encode_value(dialect, out)
        });
    }

    fn encode_value(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        match self {
            Self::Origin(origin) => out.push(origin.code()),
            Self::AsPath(path) => path.encode(dialect.asn_width, out),
            Self::NextHop(address) => out.extend_from_slice(&address.octets()),
            Self::MultiExitDisc(number) | Self::LocalPref(number) => number::encode(*number, out),
            Self::AtomicAggregate => {}
            Self::Aggregator(aggregator) => aggregator.encode(dialect.asn_width, out),
            Self::Communities(list) => communities::encode(list, out),
            Self::OriginatorId(identifier) => number::encode(identifier.bits(), out),
            Self::ClusterList(list) => cluster_list::encode(list, out),
            Self::MpReach(reach) => reach.encode(out),
            Self::MpUnreach(unreach) => unreach.encode(out),
            Self::ExtendedCommunities(list) => extended_communities::encode(list, out),
            Self::As4Path(path) => path.encode(AsnWidth::Four, out),
            Self::As4Aggregator(aggregator) => aggregator.encode(AsnWidth::Four, out),
            Self::LargeCommunities(list) => large_communities::encode(list, out),
            Self::Unknown(unknown) => out.extend_from_slice(&unknown.value),
        }
    }
}
