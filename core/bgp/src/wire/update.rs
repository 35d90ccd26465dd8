use alloc::vec::Vec;

use super::attr::{AttributeFault, AttributeFlags, FaultReason, PathAttribute};
use super::message::patch;
use super::reader::Reader;
use super::{AttributeCode, DecodeError, Dialect, EncodeError, PeerType, nlri};
use crate::params::{Family, Prefix};

/// An UPDATE as it was read, defects included (RFC 4271 section 4.3); [`RawUpdate::treat`] makes sense of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawUpdate {
    /// IPv4 prefixes of the field "Withdrawn Routes".
    pub withdrawn: Vec<Prefix>,
    /// What could be read, in the order sent, the first of each code.
    pub attributes: Vec<PathAttribute>,
    /// What could not.
    pub faults: Vec<AttributeFault>,
    /// IPv4 prefixes of the field "Network Layer Reachability Information".
    pub announced: Vec<Prefix>,
}

impl RawUpdate {
    pub(super) fn decode(body: &[u8], dialect: &Dialect) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let withdrawn = take_section(&mut reader)?;
        let attributes = take_section(&mut reader)?;
        let prefixes = |bytes| {
            let decoded = nlri::decode(bytes, Family::IPV4_UNICAST);
            decoded.map_err(|_| DecodeError::InvalidNetworkField)
        };
        let mut update = Self {
            withdrawn: prefixes(withdrawn)?,
            announced: prefixes(reader.rest())?,
            ..Self::default()
        };
        update.decode_attributes(attributes, dialect);
        Ok(update)
    }

    pub(super) fn encode(&self, dialect: &Dialect, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode_section(out, |out| {
            self.withdrawn.iter().for_each(|p| nlri::encode(p, out))
        })?;
        encode_section(out, |out| {
            self.attributes.iter().for_each(|a| a.encode(dialect, out))
        })?;
        self.announced
            .iter()
            .for_each(|prefix| nlri::encode(prefix, out));
        Ok(())
    }

    fn decode_attributes(&mut self, bytes: &[u8], dialect: &Dialect) {
        let mut seen = [false; 256];
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let rest = reader.rest();
            let Some(attribute) = RawAttribute::decode(&mut reader) else {
                let code = rest.get(1).copied().unwrap_or(0);
                self.fault(AttributeCode(code), FaultReason::Overrun, rest);
                return;
            };
            let octets = rest.get(..rest.len() - reader.rest().len()).unwrap_or(rest);
            let first = seen.get_mut(usize::from(attribute.code.0));
            match first.is_some_and(|seen| !core::mem::replace(seen, true)) {
                true => self.decode_attribute(&attribute, octets, dialect),
                false => self.fault(attribute.code, FaultReason::Duplicate, octets),
            }
        }
    }

    fn decode_attribute(&mut self, raw: &RawAttribute<'_>, octets: &[u8], dialect: &Dialect) {
        if let Some(reason) = raw.needless(dialect) {
            return self.fault(raw.code, reason, octets);
        }
        let flags_fault = raw.flags_fault();
        if let Some(reason) = flags_fault {
            self.fault(raw.code, reason, octets);
        }
        match PathAttribute::decode(raw.code, raw.flags, raw.value, dialect) {
            // Wrong flags spoil the value, but which prefixes to withdraw is still to be known.
            Ok(attribute) if flags_fault.is_none() || raw.is_multiprotocol() => {
                self.attributes.push(attribute);
            }
            Ok(_) => {}
            Err(reason) => self.fault(raw.code, reason, octets),
        }
    }

    fn fault(&mut self, code: AttributeCode, reason: FaultReason, octets: &[u8]) {
        self.faults.push(AttributeFault {
            code,
            reason,
            octets: octets.to_vec(),
        });
    }
}

/// One attribute with its value unread.
struct RawAttribute<'a> {
    code: AttributeCode,
    flags: AttributeFlags,
    value: &'a [u8],
}

impl<'a> RawAttribute<'a> {
    /// Nothing when header or value run over the end.
    fn decode(reader: &mut Reader<'a>) -> Option<Self> {
        let [flags, code] = reader.array()?;
        let length = match AttributeFlags::has_extended_length(flags) {
            true => usize::from(reader.u16()?),
            false => usize::from(reader.u8()?),
        };
        let value = reader.take(length)?;
        Some(Self {
            code: AttributeCode(code),
            flags: AttributeFlags::from_octet(flags),
            value,
        })
    }

    fn is_multiprotocol(&self) -> bool {
        matches!(
            self.code,
            AttributeCode::MP_REACH_NLRI | AttributeCode::MP_UNREACH_NLRI
        )
    }

    /// What is discarded whatever it holds.
    fn needless(&self, dialect: &Dialect) -> Option<FaultReason> {
        match self.code {
            AttributeCode::LOCAL_PREF
            | AttributeCode::ORIGINATOR_ID
            | AttributeCode::CLUSTER_LIST => {
                (dialect.peer_type == PeerType::External).then_some(FaultReason::FromExternal)
            }
            AttributeCode::AS4_PATH | AttributeCode::AS4_AGGREGATOR => {
                (dialect.asn_width == super::AsnWidth::Four).then_some(FaultReason::Needless)
            }
            _ => None,
        }
    }

    fn flags_fault(&self) -> Option<FaultReason> {
        match AttributeFlags::of(self.code) {
            Some(expected) => self
                .flags
                .conflict_with(expected)
                .then_some(FaultReason::Flags),
            None => (!self.flags.is_optional()).then_some(FaultReason::Unrecognized),
        }
    }
}

/// A part of the message with two octets of length in front (RFC 7606 section 4).
fn take_section<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.u16().ok_or(DecodeError::MalformedAttributeList)?;
    reader
        .take(usize::from(length))
        .ok_or(DecodeError::MalformedAttributeList)
}

fn encode_section(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out);
    let length = u16::try_from(out.len() - start - 2).map_err(|_| EncodeError::FieldTooLong)?;
    patch(out, start, length);
    Ok(())
}
