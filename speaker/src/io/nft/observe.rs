//! Reads the table from the kernel.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what the kernel may tell is an open list"
)]

use std::{collections::BTreeMap, io};

use model::AddressFamily;
use netlink_packet_core::{NlaBuffer, NlasIterator, ParseableParametrized};
use netlink_packet_netfilter::{
    NetfilterMessage, NetfilterMessageInner,
    nftables::{
        ChainAttribute, ChainMessage, DataAttribute, ListAttribute, NfTablesMessage, RuleAttribute,
        RuleMessage, SetAttribute, SetElementAttribute, SetElementFlags, SetElementList,
        SetElementMessage, SetFlags, SetMessage, TableAttribute, TableFlags, TableMessage,
    },
};
use nix::errno::Errno;

use super::{
    Count,
    diff::{Observed, ObservedChain, ObservedSet},
    expression::{COUNTER, key_length, number},
    message::{ACCEPT, OBJECT, TABLE, decode_comment, inet, text},
    range::{Element, ranges},
    section::SectionName,
};
use crate::io::netlink::socket::{Message, Socket, refusal};

/// Length of struct nfgenmsg, octets.
const HEADER: usize = 4;
/// NFPROTO_INET.
const INET: u8 = 1;

/// The table as it is.
///
/// # Errors
/// The kernel has no nf_tables or does not let us see it, or the table changed while it was read (`Interrupted`).
pub(super) async fn observe(socket: &mut Socket) -> io::Result<Observed> {
    let mut observed = Observed {
        table: table(socket).await?,
        ..Observed::default()
    };
    if observed.table.is_none() {
        return Ok(observed);
    }
    for name in [SectionName::Egress, SectionName::Forward] {
        let found = chain(socket, name.chain()).await?;
        let found = found.map(|chain| (name.chain().to_owned(), chain));
        observed.chains.extend(found);
    }
    observed.sets = sets(socket).await?;
    observed.counters = counters(socket).await?;
    Ok(observed)
}

/// Named counters of the table.
///
/// # Errors
/// As [`observe`].
pub(super) async fn counters(socket: &mut Socket) -> io::Result<BTreeMap<String, Count>> {
    let [table, _, kind, _] = OBJECT;
    let question = inet(NfTablesMessage::GetObject(vec![
        text(table, TABLE),
        number(kind, COUNTER),
    ]));
    let mut counters = BTreeMap::new();
    let each = |message: Message<'_>| counters.extend(decode_counter(message.payload));
    match socket.ask(question, true, each).await {
        // The table went away in the meantime, and a notification says so.
        Err(error) if is_absent(&error) => Ok(BTreeMap::new()),
        asked => asked.map(|()| counters),
    }
}

/// Whether a notification is about our table. It looks at the first attribute only, as kube-proxy changes much at once.
pub(super) fn is_ours(message: &Message<'_>) -> bool {
    let Some((header, attributes)) = message.payload.split_at_checked(HEADER) else {
        return false;
    };
    // In messages about tables, chains, rules, sets, elements and objects the attribute 1 is the table's name.
    let first = NlaBuffer::new_checked(attributes).ok();
    let name = first.as_ref().filter(|first| first.kind() == 1);
    let ours = name.is_some_and(|name| name.value().strip_suffix(b"\0") == Some(TABLE.as_bytes()));
    header.first() == Some(&INET) && ours
}

async fn table(socket: &mut Socket) -> io::Result<Option<bool>> {
    let attributes = vec![TableAttribute::Name(TABLE.to_owned())];
    let question = inet(NfTablesMessage::GetTable(TableMessage { attributes }));
    let mut active = None;
    let each = |message: Message<'_>| {
        if let Some(NfTablesMessage::NewTable(table)) = decode(&message) {
            let dormant = |attribute: &TableAttribute| match attribute {
                TableAttribute::Flags(flags) => flags.contains(TableFlags::Dormant),
                _ => false,
            };
            active = Some(!table.attributes.iter().any(dormant));
        }
    };
    absent_or(socket.ask(question, false, each).await)?;
    Ok(active)
}

async fn chain(socket: &mut Socket, name: &str) -> io::Result<Option<ObservedChain>> {
    let attributes = vec![
        ChainAttribute::Table(TABLE.to_owned()),
        ChainAttribute::Name(name.to_owned()),
    ];
    let question = inet(NfTablesMessage::GetChain(ChainMessage { attributes }));
    let mut found = None;
    let each = |message: Message<'_>| {
        if let Some(NfTablesMessage::NewChain(chain)) = decode(&message) {
            found = Some(decode_chain(&chain));
        }
    };
    absent_or(socket.ask(question, false, each).await)?;
    let Some(mut chain) = found else {
        return Ok(None);
    };
    let attributes = vec![
        RuleAttribute::Table(TABLE.to_owned()),
        RuleAttribute::Chain(name.to_owned()),
    ];
    let question = inet(NfTablesMessage::GetRule(RuleMessage { attributes }));
    let each = |message: Message<'_>| {
        if let Some(NfTablesMessage::NewRule(rule)) = decode(&message) {
            chain.rules.extend(decode_rule(&rule, name));
        }
    };
    absent_or(socket.ask(question, true, each).await)?;
    Ok(Some(chain))
}

async fn sets(socket: &mut Socket) -> io::Result<BTreeMap<String, ObservedSet>> {
    let attributes = vec![SetAttribute::Table(TABLE.to_owned())];
    let question = inet(NfTablesMessage::GetSet(SetMessage { attributes }));
    let mut sets = BTreeMap::new();
    let each = |message: Message<'_>| {
        if let Some(NfTablesMessage::NewSet(set)) = decode(&message) {
            sets.extend(decode_set(&set));
        }
    };
    absent_or(socket.ask(question, true, each).await)?;
    for (name, set) in &mut sets {
        let attributes = vec![
            SetElementList::Table(TABLE.to_owned()),
            SetElementList::Set(name.clone()),
        ];
        let question = inet(NfTablesMessage::GetSetElement(SetElementMessage {
            attributes,
        }));
        let mut elements = Vec::new();
        let each = |message: Message<'_>| {
            if let Some(NfTablesMessage::NewSetElement(list)) = decode(&message) {
                elements.extend(decode_elements(&list));
            }
        };
        absent_or(socket.ask(question, true, each).await)?;
        let elements: Option<Vec<_>> = elements.into_iter().collect();
        let family = set.family;
        let elements = elements.filter(|elements| {
            let of_family = |element: &Element| Some(AddressFamily::of(element.key)) == family;
            elements.iter().all(of_family)
        });
        set.ranges = elements.and_then(|elements| ranges(elements, set.interval));
    }
    Ok(sets)
}

fn absent_or(asked: io::Result<()>) -> io::Result<()> {
    match asked {
        Err(error) if is_absent(&error) => Ok(()),
        asked => asked,
    }
}

fn is_absent(error: &io::Error) -> bool {
    refusal(error).is_some_and(|refusal| refusal.errno == Errno::ENOENT)
}

fn decode(message: &Message<'_>) -> Option<NfTablesMessage> {
    match NetfilterMessage::parse_with_param(message.payload, message.kind)
        .ok()?
        .inner
    {
        NetfilterMessageInner::NfTables(message) => Some(message),
        _ => None,
    }
}

fn decode_chain(message: &ChainMessage) -> ObservedChain {
    let mut chain = ObservedChain::default();
    for attribute in &message.attributes {
        match attribute {
            ChainAttribute::Policy(policy) => chain.accepts = *policy == ACCEPT,
            ChainAttribute::UserData(data) => {
                chain.comment = decode_comment(data).unwrap_or_default();
            }
            _ => {}
        }
    }
    chain
}

/// The comment of a rule of the chain; empty when it has none. Older kernels tell the rules of all chains.
fn decode_rule(message: &RuleMessage, chain: &str) -> Option<String> {
    let (mut comment, mut ours) = (String::new(), true);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Table(name) => ours &= name == TABLE,
            RuleAttribute::Chain(name) => ours &= name == chain,
            RuleAttribute::UserData(data) => comment = decode_comment(data).unwrap_or_default(),
            _ => {}
        }
    }
    ours.then_some(comment)
}

fn decode_set(message: &SetMessage) -> Option<(String, ObservedSet)> {
    let (mut name, mut ours) = (None, true);
    let mut set = ObservedSet {
        family: None,
        interval: false,
        ranges: None,
    };
    for attribute in &message.attributes {
        match attribute {
            SetAttribute::Table(table) => ours &= table == TABLE,
            SetAttribute::Name(text) => name = Some(text.clone()),
            SetAttribute::Flags(flags) => set.interval = flags.contains(SetFlags::Interval),
            SetAttribute::KeyLen(length) => {
                let mut families = [AddressFamily::IPv4, AddressFamily::IPv6].into_iter();
                set.family = families.find(|family| key_length(*family) == *length);
            }
            _ => {}
        }
    }
    Some((name.filter(|_| ours)?, set))
}

/// Elements; `None` for one that is no address.
fn decode_elements(message: &SetElementMessage) -> Vec<Option<Element>> {
    let lists = message
        .attributes
        .iter()
        .filter_map(|attribute| match attribute {
            SetElementList::Elements(elements) => Some(elements),
            _ => None,
        });
    let elements = lists.flatten().filter_map(|element| match element {
        ListAttribute::Element(attributes) => Some(attributes),
        _ => None,
    });
    elements
        .map(|attributes| decode_element(attributes))
        .collect()
}

fn decode_element(attributes: &[SetElementAttribute]) -> Option<Element> {
    let (mut key, mut inside) = (None, true);
    for attribute in attributes {
        match attribute {
            SetElementAttribute::Key(DataAttribute::Value(octets)) => {
                key = crate::io::netlink::address(octets);
            }
            SetElementAttribute::Flags(flags) => {
                inside = !flags.contains(SetElementFlags::IntervalEnd);
            }
            _ => {}
        }
    }
    Some(Element { key: key?, inside })
}

/// Name and value of a counter (NFTA_OBJ_NAME, NFTA_OBJ_DATA with NFTA_COUNTER_BYTES and _PACKETS).
fn decode_counter(payload: &[u8]) -> Option<(String, Count)> {
    let (mut name, mut count) = (None, Count::default());
    let [_, name_kind, _, data_kind] = OBJECT;
    for attribute in NlasIterator::new(payload.get(HEADER..)?).flatten() {
        if attribute.kind() == name_kind {
            let text = attribute.value().strip_suffix(b"\0")?;
            name = Some(String::from_utf8(text.to_vec()).ok()?);
        } else if attribute.kind() == data_kind {
            for part in NlasIterator::new(attribute.value()).flatten() {
                let value = part.value().try_into().ok().map(u64::from_be_bytes);
                match (part.kind(), value) {
                    (1, Some(bytes)) => count.bytes = bytes,
                    (2, Some(packets)) => count.packets = packets,
                    _ => {}
                }
            }
        }
    }
    Some((name?, count))
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;

    use super::*;
    use crate::io::nft::{
        diff::{Op, SetName},
        message::encode,
        range::hosts,
    };

    fn notice(family: u8, name: &str) -> Vec<u8> {
        let length = u8::try_from(name.len() + 5).unwrap();
        let mut bytes = vec![family, 0, 0, 1, length, 0, 1, 0];
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn hears_of_our_table_and_of_no_other() {
        let ours = |bytes: &[u8]| is_ours(&Message::new(0xa00, bytes, 0));
        assert!(ours(&notice(INET, "herald")));
        assert!(!ours(&notice(2, "herald")), "of family ip");
        assert!(!ours(&notice(INET, "heralds")) && !ours(&notice(INET, "kube-proxy")));
        for length in 0..12 {
            assert!(!ours(&vec![1; length]));
        }
    }

    #[test]
    fn reads_the_elements_that_it_writes() {
        let addresses = ["fd00::1".parse().unwrap(), "fd00::7".parse().unwrap()];
        let (name, wanted) = ("drop_v6".to_owned(), hosts(&addresses));
        for interval in [false, true] {
            let name = name.clone();
            let op = Op::AddElements(SetName { name, interval }, wanted.clone());
            let (message, _) = encode(&[op]).pop().unwrap();
            let mut bytes = vec![0; Emitable::buffer_len(&message)];
            message.emit(&mut bytes);
            // NFNL_SUBSYS_NFTABLES and NFT_MSG_NEWSETELEM.
            let message = decode(&Message::new(10 << 8 | 12, &bytes, 0));
            let Some(NfTablesMessage::NewSetElement(list)) = message else {
                panic!("{message:?}");
            };
            let elements: Option<Vec<_>> = decode_elements(&list).into_iter().collect();
            assert_eq!(ranges(elements.unwrap(), interval), Some(wanted.clone()));
        }
    }
}
