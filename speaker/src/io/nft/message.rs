//! Changes of the table as messages of nf_tables.

use std::collections::BTreeSet;

use model::{AddressFamily, AddressRange};
use netlink_packet_core::{DefaultNla, NLM_F_APPEND, NLM_F_CREATE};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterProtoFamily,
    nftables::{
        ChainAttribute, ChainMessage, DataAttribute, Hook, InetHookNumber, ListAttribute,
        NfTablesMessage, RuleAttribute, RuleMessage, SetAttribute, SetElementAttribute,
        SetElementFlags, SetElementList, SetElementMessage, SetFlags, SetMessage, TableAttribute,
        TableFlags, TableMessage,
    },
    none::ControlMessage,
};

use super::{
    diff::{Op, SetName},
    expression::{self, COUNTER, key_length, number, octets},
    range::elements,
    section::{Rule, Section, SectionName},
};
use crate::io::netlink::socket::Request;

/// Name of the table, of family inet.
pub(super) const TABLE: &str = "herald";
/// NFNL_SUBSYS_NFTABLES (linux/netfilter/nfnetlink.h).
const SUBSYSTEM: u16 = 10;
/// Elements of a message: an attribute has less than 64 KiB.
const ELEMENTS: usize = 600;
/// NF_ACCEPT (linux/netfilter.h).
pub(super) const ACCEPT: u32 = 1;
/// NF_IP_PRI_NAT_SRC and NF_IP_PRI_FILTER (linux/netfilter_ipv4.h).
const PRIORITIES: [u32; 2] = [100, 0];
/// Attributes of a counter: NFTA_OBJ_TABLE, _NAME, _TYPE, _DATA; the last with a number of octets and one of packets.
pub(super) const OBJECT: [u16; 4] = [1, 2, 3, 4];
/// The attribute holds others.
const NESTED: u16 = 1 << 15;

/// Starts a transaction.
pub(super) fn begin() -> NetfilterMessage {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, SUBSYSTEM);
    NetfilterMessage::new(header, ControlMessage::BatchBegin)
}

/// Ends a transaction.
pub(super) fn end() -> NetfilterMessage {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, SUBSYSTEM);
    NetfilterMessage::new(header, ControlMessage::BatchEnd)
}

/// A message about our table.
pub(super) fn inet(message: NfTablesMessage) -> NetfilterMessage {
    NetfilterMessage::new(
        NetfilterHeader::new(NetfilterProtoFamily::Inet, 0, 0),
        message,
    )
}

/// The messages of a transaction.
pub(super) fn encode(ops: &[Op]) -> Vec<Request<NetfilterMessage>> {
    let mut messages = Messages::default();
    for op in ops {
        match op {
            Op::PutTable => messages.put_table(),
            Op::RemoveTable => messages.remove_table(),
            Op::RemoveSection {
                name,
                chain,
                sets,
                counters,
            } => messages.remove_section(*name, *chain, sets, counters),
            Op::AddSection { section, counters } => messages.add_section(section, counters),
            Op::RemoveElements(set, ranges) => messages.change_elements(set, ranges, false),
            Op::AddElements(set, ranges) => messages.change_elements(set, ranges, true),
        }
    }
    messages.list
}

/// A comment as nft(8) keeps it in user data: type 0, length, text with a closing zero.
fn comment(text: &str) -> Vec<u8> {
    let mut bytes = vec![0, u8::try_from(text.len() + 1).unwrap_or(u8::MAX)];
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes
}

/// The comment in user data, if there is one.
pub(super) fn decode_comment(data: &[u8]) -> Option<String> {
    let [0, length, text @ ..] = data else {
        return None;
    };
    let text = text.get(..usize::from(*length).checked_sub(1)?)?;
    String::from_utf8(text.to_vec()).ok()
}

/// A name with its closing zero.
pub(super) fn text(kind: u16, text: &str) -> DefaultNla {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    DefaultNla::new(kind, bytes)
}

/// The messages so far. Names of sets that are made by a transaction need a number, too.
#[derive(Default)]
struct Messages {
    list: Vec<Request<NetfilterMessage>>,
    set_id: u32,
}

impl Messages {
    fn push(&mut self, message: NfTablesMessage, flags: u16) {
        self.list.push((inet(message), flags));
    }

    fn put_table(&mut self) {
        let attributes = vec![
            TableAttribute::Name(TABLE.to_owned()),
            TableAttribute::Flags(TableFlags::empty()),
        ];
        self.push(
            NfTablesMessage::NewTable(TableMessage { attributes }),
            NLM_F_CREATE,
        );
    }

    fn remove_table(&mut self) {
        let attributes = vec![TableAttribute::Name(TABLE.to_owned())];
        self.push(NfTablesMessage::DeleteTable(TableMessage { attributes }), 0);
    }

    fn remove_section(
        &mut self,
        name: SectionName,
        chain: bool,
        sets: &[String],
        counters: &[String],
    ) {
        if chain {
            let attributes = vec![
                RuleAttribute::Table(TABLE.to_owned()),
                RuleAttribute::Chain(name.chain().to_owned()),
            ];
            self.push(NfTablesMessage::DeleteRule(RuleMessage { attributes }), 0);
            let attributes = vec![
                ChainAttribute::Table(TABLE.to_owned()),
                ChainAttribute::Name(name.chain().to_owned()),
            ];
            self.push(NfTablesMessage::DeleteChain(ChainMessage { attributes }), 0);
        }
        for set in sets {
            let attributes = vec![
                SetAttribute::Table(TABLE.to_owned()),
                SetAttribute::Name(set.clone()),
            ];
            self.push(NfTablesMessage::DeleteSet(SetMessage { attributes }), 0);
        }
        for counter in counters {
            let [table, name, kind, _] = OBJECT;
            let attributes = vec![
                text(table, TABLE),
                text(name, counter),
                number(kind, COUNTER),
            ];
            self.push(NfTablesMessage::DeleteObject(attributes), 0);
        }
    }

    fn add_section(&mut self, section: &Section, counters: &[String]) {
        for counter in counters {
            let [table, name, kind, data] = OBJECT;
            let attributes = vec![
                text(table, TABLE),
                text(name, counter),
                number(kind, COUNTER),
                DefaultNla::new(data | NESTED, Vec::new()),
            ];
            self.push(NfTablesMessage::NewObject(attributes), NLM_F_CREATE);
        }
        for (name, set) in &section.sets {
            self.add_set(name, set.family, set.interval);
        }
        self.add_chain(section);
        for rule in &section.rules {
            self.add_rule(section.name, rule);
        }
        for (name, set) in &section.sets {
            let name = SetName {
                name: name.clone(),
                interval: set.interval,
            };
            self.change_elements(&name, &set.ranges, true);
        }
    }

    fn add_set(&mut self, name: &str, family: AddressFamily, interval: bool) {
        self.set_id += 1;
        let flags = match interval {
            true => SetFlags::Interval,
            false => SetFlags::empty(),
        };
        let attributes = vec![
            SetAttribute::Table(TABLE.to_owned()),
            SetAttribute::Name(name.to_owned()),
            SetAttribute::Flags(flags),
            SetAttribute::KeyType(key_type(family)),
            SetAttribute::KeyLen(key_length(family)),
            SetAttribute::Id(self.set_id),
        ];
        self.push(
            NfTablesMessage::NewSet(SetMessage { attributes }),
            NLM_F_CREATE,
        );
    }

    fn add_chain(&mut self, section: &Section) {
        let [nat, filter] = PRIORITIES;
        let (kind, hook, priority) = match section.name {
            SectionName::Egress => ("nat", InetHookNumber::PostRouting, nat),
            SectionName::Forward => ("filter", InetHookNumber::Forward, filter),
        };
        let attributes = vec![
            ChainAttribute::Table(TABLE.to_owned()),
            ChainAttribute::Name(section.name.chain().to_owned()),
            ChainAttribute::Hook(vec![Hook::Number(hook.into()), Hook::Priority(priority)]),
            ChainAttribute::Policy(ACCEPT),
            ChainAttribute::Type(kind.to_owned()),
            ChainAttribute::UserData(comment(&section.comment())),
        ];
        self.push(
            NfTablesMessage::NewChain(ChainMessage { attributes }),
            NLM_F_CREATE,
        );
    }

    fn add_rule(&mut self, section: SectionName, rule: &Rule) {
        let attributes = vec![
            RuleAttribute::Table(TABLE.to_owned()),
            RuleAttribute::Chain(section.chain().to_owned()),
            RuleAttribute::Expressions(expression::encode(rule)),
            RuleAttribute::UserData(comment(&rule.comment())),
        ];
        let message = NfTablesMessage::NewRule(RuleMessage { attributes });
        self.push(message, NLM_F_CREATE | NLM_F_APPEND);
    }

    fn change_elements(&mut self, set: &SetName, ranges: &BTreeSet<AddressRange>, add: bool) {
        let ranges: Vec<_> = ranges.iter().collect();
        for part in ranges.chunks(ELEMENTS / 2) {
            let parts = part.iter().flat_map(|range| elements(range, set.interval));
            let parts = parts.map(|element| {
                let key = DataAttribute::Value(octets(element.key));
                let mut attributes = vec![SetElementAttribute::Key(key)];
                if !element.inside {
                    attributes.push(SetElementAttribute::Flags(SetElementFlags::IntervalEnd));
                }
                ListAttribute::Element(attributes)
            });
            let attributes = vec![
                SetElementList::Table(TABLE.to_owned()),
                SetElementList::Set(set.name.clone()),
                SetElementList::Elements(parts.collect()),
            ];
            let message = SetElementMessage { attributes };
            match add {
                true => self.push(NfTablesMessage::NewSetElement(message), NLM_F_CREATE),
                false => self.push(NfTablesMessage::DeleteSetElement(message), 0),
            }
        }
    }
}

/// Types as nft(8) numbers them (datatype.h): ipv4_addr, ipv6_addr.
fn key_type(family: AddressFamily) -> u32 {
    match family {
        AddressFamily::IPv4 => 7,
        AddressFamily::IPv6 => 8,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use netlink_packet_core::Emitable;

    use super::*;

    #[test]
    fn reads_the_comments_that_it_writes() {
        assert_eq!(
            decode_comment(&comment("egress_v4 1")),
            Some("egress_v4 1".to_owned())
        );
        for bytes in [
            &[][..],
            &[0],
            &[0, 9, 1],
            &[1, 2, 65, 0],
            &[0, 0],
            &[0, 3, 255, 255, 0],
        ] {
            assert_eq!(decode_comment(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn no_attribute_is_longer_than_the_kernel_can_say() {
        let addresses = (0..10_000).map(|number| Ipv4Addr::from_bits(number * 2).into());
        let addresses: Vec<_> = addresses.collect();
        let set = SetName {
            name: "reject_v4".to_owned(),
            interval: true,
        };
        let messages = encode(&[Op::AddElements(set, super::super::range::hosts(&addresses))]);
        assert_eq!(messages.len(), 34);
        for (message, _) in messages {
            let length = Emitable::buffer_len(&message);
            assert!(length < usize::from(u16::MAX), "{length}");
            let mut bytes = vec![0; length];
            message.emit(&mut bytes);
        }
    }
}
