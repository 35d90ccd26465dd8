//! Messages of ctnetlink (linux/netfilter/nfnetlink_conntrack.h).

use std::{collections::BTreeSet, net::IpAddr};

use netlink_packet_core::{DefaultNla, Emitable as _, NlasIterator};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterProtoFamily, conntrack::ConntrackMessage,
};

use crate::io::netlink::address;

/// IPCTNL_MSG_CT_GET and _DELETE.
const GET: u8 = 1;
const DELETE: u8 = 2;
/// Attributes of an entry.
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_STATUS: u16 = 3;
const CTA_ID: u16 = 12;
const CTA_ZONE: u16 = 18;
const CTA_FILTER: u16 = 25;
/// Parts of CTA_TUPLE_ORIG, of CTA_TUPLE_IP in it, and of CTA_TUPLE_PROTO.
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_DST: u16 = 2;
const CTA_IP_V6_DST: u16 = 4;
const CTA_PROTO_NUM: u16 = 1;
/// Part of CTA_FILTER: which parts of CTA_TUPLE_ORIG have to be equal.
const CTA_FILTER_ORIG_FLAGS: u16 = 1;
/// CTA_FILTER_F_CTA_PROTO_NUM.
const PROTOCOL_ALONE: u32 = 1 << 3;
/// IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h): the destination is translated.
const DST_NAT: u32 = 1 << 5;
/// The attribute holds others.
const NESTED: u16 = 1 << 15;
const UDP: u8 = 17;
/// Octets of struct nfgenmsg.
const HEADER: usize = 4;

/// The families that are tracked.
pub(super) const FAMILIES: [Family; 2] = [Family::IPv4, Family::IPv6];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    IPv4,
    IPv6,
}

impl Family {
    pub(super) fn has(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Self::IPv4)
    }
}

/// An entry by all that tells it from others, as the kernel gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    family: Family,
    attributes: Vec<(u16, Vec<u8>)>,
}

/// Asks for the UDP entries of a family. Kernels before 5.8 do not know the filter and give all.
pub(super) fn question(family: Family) -> NetfilterMessage {
    let number = nest(CTA_PROTO_NUM, vec![UDP]);
    let protocol = nest(CTA_TUPLE_PROTO | NESTED, number);
    let flags = nest(CTA_FILTER_ORIG_FLAGS, PROTOCOL_ALONE.to_ne_bytes().to_vec());
    let attributes = vec![
        DefaultNla::new(CTA_TUPLE_ORIG | NESTED, protocol),
        DefaultNla::new(CTA_FILTER | NESTED, flags),
    ];
    message(family, GET, attributes)
}

/// Deletes exactly this entry.
pub(super) fn deletion(flow: Flow) -> NetfilterMessage {
    let attributes = flow.attributes.into_iter();
    let attributes = attributes.map(|(kind, value)| DefaultNla::new(kind, value));
    message(flow.family, DELETE, attributes.collect())
}

/// The entry of an answer, if it is UDP to one of these addresses and not translated.
pub(super) fn decode(payload: &[u8], addresses: &BTreeSet<IpAddr>) -> Option<Flow> {
    let family = match i32::from(*payload.first()?) {
        libc::AF_INET => Family::IPv4,
        libc::AF_INET6 => Family::IPv6,
        _ => return None,
    };
    let (mut attributes, mut concerned, mut translated) = (Vec::new(), false, false);
    for each in NlasIterator::new(payload.get(HEADER..)?).flatten() {
        match each.kind() {
            CTA_TUPLE_ORIG => {
                let destination = destination_of_udp(each.value());
                concerned = destination.is_some_and(|to| addresses.contains(&to));
                attributes.push((CTA_TUPLE_ORIG | NESTED, each.value().to_vec()));
            }
            CTA_STATUS => {
                let status = u32::from_be_bytes(each.value().try_into().ok()?);
                translated = status & DST_NAT != 0;
            }
            kind @ (CTA_ID | CTA_ZONE) => attributes.push((kind, each.value().to_vec())),
            _ => {}
        }
    }
    (concerned && !translated).then_some(Flow { family, attributes })
}

fn destination_of_udp(tuple: &[u8]) -> Option<IpAddr> {
    let (mut destination, mut protocol) = (None, None);
    for part in NlasIterator::new(tuple).flatten() {
        for each in NlasIterator::new(part.value()).flatten() {
            match (part.kind(), each.kind()) {
                (CTA_TUPLE_IP, CTA_IP_V4_DST | CTA_IP_V6_DST) => {
                    destination = address(each.value());
                }
                (CTA_TUPLE_PROTO, CTA_PROTO_NUM) => protocol = each.value().first().copied(),
                _ => {}
            }
        }
    }
    destination.filter(|_| protocol == Some(UDP))
}

/// The attributes go as they are: those that the crate knows lose the mark that they are nested.
fn message(family: Family, message_type: u8, attributes: Vec<DefaultNla>) -> NetfilterMessage {
    let family = match family {
        Family::IPv4 => NetfilterProtoFamily::IPv4,
        Family::IPv6 => NetfilterProtoFamily::IPv6,
    };
    let message = ConntrackMessage::Other {
        message_type,
        attributes,
    };
    NetfilterMessage::new(NetfilterHeader::new(family, 0, 0), message)
}

/// An attribute as the value of another.
fn nest(kind: u16, value: Vec<u8>) -> Vec<u8> {
    let attribute = DefaultNla::new(kind, value);
    let mut bytes = vec![0; attribute.buffer_len()];
    attribute.emit(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of the protocol from 10.0.0.9 to 10.0.0.`to`, as the kernel gives it.
    fn entry(protocol: u8, to: u8, status: u32) -> Vec<u8> {
        let ip = [
            nest(1, vec![10, 0, 0, 9]),
            nest(CTA_IP_V4_DST, vec![10, 0, 0, to]),
        ];
        let ports = [nest(CTA_PROTO_NUM, vec![protocol]), nest(2, vec![0, 7])];
        let tuple = [
            nest(CTA_TUPLE_IP | NESTED, ip.concat()),
            nest(CTA_TUPLE_PROTO | NESTED, ports.concat()),
        ];
        let attributes = [
            nest(CTA_TUPLE_ORIG | NESTED, tuple.concat()),
            nest(CTA_STATUS, status.to_be_bytes().to_vec()),
            nest(CTA_ID, vec![1, 2, 3, 4]),
        ];
        [&[2, 0, 0, 0][..], &attributes.concat()].concat()
    }

    #[test]
    fn concerns_udp_to_the_address_that_is_not_translated() {
        let addresses = BTreeSet::from(["10.0.0.7".parse().unwrap()]);
        let flow = decode(&entry(UDP, 7, 8), &addresses).unwrap();
        let kinds = flow.attributes.iter().map(|(kind, _)| *kind);
        assert_eq!(Vec::from_iter(kinds), [CTA_TUPLE_ORIG | NESTED, CTA_ID]);
        assert_eq!(decode(&entry(6, 7, 8), &addresses), None, "TCP");
        assert_eq!(decode(&entry(UDP, 8, 8), &addresses), None);
        assert_eq!(decode(&entry(UDP, 9, 8), &addresses), None, "its source");
        assert_eq!(decode(&entry(UDP, 7, 8 | DST_NAT), &addresses), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let addresses = BTreeSet::from(["10.0.0.7".parse().unwrap()]);
        let whole = entry(UDP, 7, 8);
        for length in 0..whole.len() {
            decode(&whole[..length], &addresses);
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            decode(&changed, &addresses);
        }
    }
}
