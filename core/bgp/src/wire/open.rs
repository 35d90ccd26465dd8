use alloc::vec::Vec;

use super::capability::Capability;
use super::reader::Reader;
use super::{DecodeError, EncodeError};
use crate::params::{Asn, BgpIdentifier, HoldTime};

/// The only version (RFC 4271 section 4.2).
const VERSION: u8 = 4;
/// Optional parameter: capabilities (RFC 5492 section 4).
const CAPABILITIES: u8 = 2;
/// Parameter type and length octet that announce the extended form (RFC 9072 section 2).
const EXTENDED: u8 = 255;

/// An OPEN of BGP-4 (RFC 4271 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The 2-octet field; [`Asn::TRANS`] when the number needs four. [`Open::asn`] tells the real one.
    pub asn_field: u16,
    /// What the sender proposes; the smaller of both counts.
    pub hold_time: HoldTime,
    /// Who the sender is.
    pub identifier: BgpIdentifier,
    /// What the sender can do, in the order sent.
    pub capabilities: Vec<Capability>,
}

impl Open {
    /// An OPEN of this AS; the 4-octet capability is added to `capabilities`.
    #[must_use]
    pub fn new(
        asn: Asn,
        hold_time: HoldTime,
        identifier: BgpIdentifier,
        mut capabilities: Vec<Capability>,
    ) -> Self {
        capabilities.push(Capability::FourOctetAsn(asn));
        Self {
            asn_field: asn.to_2octet(),
            hold_time,
            identifier,
            capabilities,
        }
    }

    /// The sender's AS: the capability's, else the field's (RFC 6793 section 4.1).
    #[must_use]
    pub fn asn(&self) -> Asn {
        for capability in &self.capabilities {
            if let Capability::FourOctetAsn(asn) = capability {
                return *asn;
            }
        }
        Asn::from(self.asn_field)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let version = reader.u8().ok_or(DecodeError::MalformedOpen)?;
        if version != VERSION {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let asn_field = reader.u16().ok_or(DecodeError::MalformedOpen)?;
        let hold_time = reader.u16().ok_or(DecodeError::MalformedOpen)?;
        let identifier = reader.u32().ok_or(DecodeError::MalformedOpen)?;
        if asn_field == 0 {
            return Err(DecodeError::BadPeerAs(Asn(0)));
        }
        let hold_time = HoldTime::new(hold_time)?;
        let identifier =
            BgpIdentifier::new(identifier).ok_or(DecodeError::BadIdentifier(identifier))?;
        let capabilities = decode_parameters(&mut reader)?;
        let open = Self {
            asn_field,
            hold_time,
            identifier,
            capabilities,
        };
        match open.asn().is_zero() {
            true => Err(DecodeError::BadPeerAs(Asn(0))),
            false => Ok(open),
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(VERSION);
        out.extend_from_slice(&self.asn_field.to_be_bytes());
        out.extend_from_slice(&self.hold_time.seconds().to_be_bytes());
        out.extend_from_slice(&self.identifier.bits().to_be_bytes());
        let mut capabilities = Vec::new();
        for capability in &self.capabilities {
            capability.encode(&mut capabilities)?;
        }
        encode_parameters(&capabilities, out)
    }
}

/// All capabilities of all parameters, in either form.
fn decode_parameters(reader: &mut Reader<'_>) -> Result<Vec<Capability>, DecodeError> {
    let length = reader.u8().ok_or(DecodeError::MalformedOpen)?;
    let extended = length != 0 && reader.rest().first() == Some(&EXTENDED);
    let length = match extended {
        true => {
            reader.u8();
            reader.u16().map(usize::from)
        }
        false => Some(usize::from(length)),
    };
    // Nothing may follow the parameters.
    if length != Some(reader.rest().len()) {
        return Err(DecodeError::MalformedOpen);
    }
    let mut capabilities = Vec::new();
    while let Some(parameter) = reader.u8() {
        let length = match extended {
            true => reader.u16().map(usize::from),
            false => reader.u8().map(usize::from),
        };
        let value = length.and_then(|length| reader.take(length));
        let value = value.ok_or(DecodeError::MalformedOpen)?;
        if parameter != CAPABILITIES {
            return Err(DecodeError::UnsupportedOptionalParameter(parameter));
        }
        decode_capabilities(value, &mut capabilities)?;
    }
    Ok(capabilities)
}

fn decode_capabilities(value: &[u8], out: &mut Vec<Capability>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(value);
    while let Some(code) = reader.u8() {
        let length = reader.u8().ok_or(DecodeError::MalformedOpen)?;
        let value = reader
            .take(usize::from(length))
            .ok_or(DecodeError::MalformedOpen)?;
        out.push(Capability::decode(code, value));
    }
    Ok(())
}

/// One parameter with all capabilities, extended only where it must be: old peers do not know that form.
fn encode_parameters(capabilities: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let length = u16::try_from(capabilities.len()).map_err(|_| EncodeError::FieldTooLong)?;
    match u8::try_from(length) {
        Ok(0) => out.push(0),
        Ok(short @ 1..=253) => out.extend_from_slice(&[short + 2, CAPABILITIES, short]),
        Ok(_) | Err(_) => {
            let whole = length.checked_add(3).ok_or(EncodeError::FieldTooLong)?;
            out.extend_from_slice(&[EXTENDED, EXTENDED]);
            out.extend_from_slice(&whole.to_be_bytes());
            out.push(CAPABILITIES);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(capabilities);
    Ok(())
}
