//! ARP over Ethernet for IPv4 (RFC 826, RFC 5227).

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use crate::{Mac, reader::Reader};

#[cfg(test)]
mod tests;

/// EtherType of ARP.
pub const ETHERTYPE: u16 = 0x0806;
/// Octets of a frame, without padding.
pub const LENGTH: usize = 42;

/// `ar$hrd` of Ethernet.
const HARDWARE_TYPE: u16 = 1;
/// `ar$pro` of IPv4: its EtherType.
const PROTOCOL_TYPE: u16 = 0x0800;
/// `ar$hln` and `ar$pln`.
const ADDRESS_LENGTHS: [u8; 2] = [6, 4];

/// One ARP packet with its Ethernet addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// To whom the frame goes.
    pub destination: Mac,
    /// Request or reply.
    pub operation: Operation,
    /// Who speaks.
    pub sender_mac: Mac,
    /// As whom; 0.0.0.0 in a probe (RFC 5227 section 1.1).
    pub sender: Ipv4Addr,
    /// To whom, in a reply.
    pub target_mac: Mac,
    /// About whom.
    pub target: Ipv4Addr,
}

/// `ar$op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// 1
    Request,
    /// 2
    Reply,
}

/// Why a frame is no ARP packet that concerns us. All of it is the sender's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Less than [`LENGTH`] octets.
    #[error("the frame ends before its ARP packet does")]
    Short,
    /// Another protocol.
    #[error("EtherType {0:#06x} is not ARP")]
    EtherType(u16),
    /// `ar$hrd` is not Ethernet.
    #[error("hardware type {0} is not Ethernet")]
    HardwareType(u16),
    /// `ar$pro` is not IPv4.
    #[error("protocol type {0:#06x} is not IPv4")]
    ProtocolType(u16),
    /// `ar$hln` or `ar$pln` is not that of Ethernet and IPv4.
    #[error("address lengths are not those of Ethernet and IPv4")]
    AddressLength,
    /// `ar$op` is neither request nor reply, such as those of RARP.
    #[error("operation {0} is neither request nor reply")]
    Operation(u16),
    /// The sender's MAC is that of a group: nobody can be answered there.
    #[error("the sender's MAC {0} is that of a group")]
    SenderMac(Mac),
    /// The sender's address is that of a group.
    #[error("the sender's address {0} is that of a group")]
    Sender(Ipv4Addr),
}

impl Packet {
    /// Reads a frame; octets after the packet are padding.
    ///
    /// # Errors
    /// It is no ARP packet of one station for IPv4 over Ethernet.
    pub fn decode(frame: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.get(..LENGTH).ok_or(Malformed::Short)?);
        let destination = mac(&mut reader)?;
        // The source of the frame says nothing that the sender's MAC does not: bridges may have put their own there.
        mac(&mut reader)?;
        match u16(&mut reader)? {
            ETHERTYPE => {}
            other => return Err(Malformed::EtherType(other)),
        }
        match u16(&mut reader)? {
            HARDWARE_TYPE => {}
            other => return Err(Malformed::HardwareType(other)),
        }
        match u16(&mut reader)? {
            PROTOCOL_TYPE => {}
            other => return Err(Malformed::ProtocolType(other)),
        }
        if reader.array() != Some(ADDRESS_LENGTHS) {
            return Err(Malformed::AddressLength);
        }
        let operation = Operation::from_code(u16(&mut reader)?)?;
        let sender_mac = mac(&mut reader)?;
        let sender = address(&mut reader)?;
        if sender_mac.is_multicast() {
            return Err(Malformed::SenderMac(sender_mac));
        }
        if sender.is_multicast() || sender.is_broadcast() {
            return Err(Malformed::Sender(sender));
        }
        Ok(Self {
            destination,
            operation,
            sender_mac,
            sender,
            target_mac: mac(&mut reader)?,
            target: address(&mut reader)?,
        })
    }

    /// Writes the frame, [`LENGTH`] octets, in place of what the buffer held.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.destination.0);
        buffer.extend_from_slice(&self.sender_mac.0);
        buffer.extend_from_slice(&ETHERTYPE.to_be_bytes());
        buffer.extend_from_slice(&HARDWARE_TYPE.to_be_bytes());
        buffer.extend_from_slice(&PROTOCOL_TYPE.to_be_bytes());
        buffer.extend_from_slice(&ADDRESS_LENGTHS);
        buffer.extend_from_slice(&self.operation.code().to_be_bytes());
        buffer.extend_from_slice(&self.sender_mac.0);
        buffer.extend_from_slice(&self.sender.octets());
        buffer.extend_from_slice(&self.target_mac.0);
        buffer.extend_from_slice(&self.target.octets());
    }

    /// "I have it": the answer to a request, a probe among them, to who asked.
    #[must_use]
    pub const fn reply_to(request: &Self, own: Mac) -> Self {
        Self {
            destination: request.sender_mac,
            operation: Operation::Reply,
            sender_mac: own,
            sender: request.target,
            target_mac: request.sender_mac,
            target: request.sender,
        }
    }

    /// "Does anybody have it?", which teaches nobody a sender (RFC 5227 section 2.1.1).
    #[must_use]
    pub const fn probe(own: Mac, target: Ipv4Addr) -> Self {
        Self {
            destination: Mac::BROADCAST,
            operation: Operation::Request,
            sender_mac: own,
            sender: Ipv4Addr::UNSPECIFIED,
            target_mac: Mac([0; 6]),
            target,
        }
    }

    /// "I have it now", as a request (RFC 5227 section 2.3) and as a reply (RFC 5944 section 4.6): some hosts learn
    /// from the one only, some from the other.
    #[must_use]
    pub const fn gratuitous(own: Mac, address: Ipv4Addr) -> [Self; 2] {
        let request = Self {
            destination: Mac::BROADCAST,
            operation: Operation::Request,
            sender_mac: own,
            sender: address,
            target_mac: Mac([0; 6]),
            target: address,
        };
        let reply = Self {
            operation: Operation::Reply,
            target_mac: own,
            ..request
        };
        [request, reply]
    }
}

impl Operation {
    const fn from_code(code: u16) -> Result<Self, Malformed> {
        match code {
            1 => Ok(Self::Request),
            2 => Ok(Self::Reply),
            other => Err(Malformed::Operation(other)),
        }
    }

    const fn code(self) -> u16 {
        match self {
            Self::Request => 1,
            Self::Reply => 2,
        }
    }
}

impl Malformed {
    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "Short",
            Self::EtherType(_) => "EtherType",
            Self::HardwareType(_) => "HardwareType",
            Self::ProtocolType(_) => "ProtocolType",
            Self::AddressLength => "AddressLength",
            Self::Operation(_) => "Operation",
            Self::SenderMac(_) => "SenderMac",
            Self::Sender(_) => "Sender",
        }
    }
}

fn u16(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    reader.u16().ok_or(Malformed::Short)
}

fn mac(reader: &mut Reader<'_>) -> Result<Mac, Malformed> {
    reader.array().map(Mac).ok_or(Malformed::Short)
}

fn address(reader: &mut Reader<'_>) -> Result<Ipv4Addr, Malformed> {
    let octets = reader.array::<4>().ok_or(Malformed::Short)?;
    Ok(Ipv4Addr::from(octets))
}
