//! Rules as expressions of nf_tables (linux/netfilter/nf_tables.h).

use std::net::IpAddr;

use model::AddressFamily;
use netlink_packet_core::DefaultNla;
use netlink_packet_netfilter::{
    NetfilterProtoFamily,
    nftables::{
        Bitwise, Cmp, DataAttribute, ExpressionAttribute, Expressions, Immediate, ListAttribute,
        Lookup, Meta, MetaKey, Operator, Payload, Register, Verdict, VerdictAttribute,
    },
};
use plan::SourceNat;

use super::section::{Action, Match, Rule};

/// NFT_PAYLOAD_NETWORK_HEADER.
const NETWORK_HEADER: u32 = 1;
/// NFT_LOOKUP_F_INV.
const INVERTED: u32 = 1;
/// NF_NAT_RANGE_PROTO_RANDOM_FULLY (linux/netfilter/nf_nat.h): `fully-random`.
const FULLY_RANDOM: u32 = 1 << 4;
/// NFT_OBJECT_COUNTER.
pub(super) const COUNTER: u32 = 1;
/// NF_DROP (linux/netfilter.h).
const DROP: u32 = 0;

/// One expression.
pub(super) type Encoded = ListAttribute<ExpressionAttribute>;

/// The expressions of a rule.
pub(super) fn encode(rule: &Rule) -> Vec<Encoded> {
    let mut expressions = encode_family(rule.family);
    for condition in &rule.matches {
        expressions.extend(encode_match(rule.family, condition));
    }
    expressions.push(encode_counter(&rule.counter));
    expressions.extend(encode_action(rule.family, rule.action));
    expressions
}

/// Octets of an address.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Length of an address in octets.
pub(super) fn key_length(family: AddressFamily) -> u32 {
    match family {
        AddressFamily::IPv4 => 4,
        AddressFamily::IPv6 => 16,
    }
}

/// NFPROTO_IPV4 or NFPROTO_IPV6.
fn protocol(family: AddressFamily) -> u8 {
    match family {
        AddressFamily::IPv4 => NetfilterProtoFamily::IPv4.into(),
        AddressFamily::IPv6 => NetfilterProtoFamily::IPv6.into(),
    }
}

fn encode_family(family: AddressFamily) -> Vec<Encoded> {
    let load = Expressions::Meta(vec![
        Meta::Key(MetaKey::Nfproto),
        Meta::DestinationRegister(Register::Reg1),
    ]);
    vec![load.into(), compare(Operator::Equal, &[protocol(family)])]
}

fn encode_match(family: AddressFamily, condition: &Match) -> Vec<Encoded> {
    // Offsets of source and destination in the header (RFC 791 section 3.1, RFC 8200 section 3).
    let (source, destination) = match family {
        AddressFamily::IPv4 => (12, 16),
        AddressFamily::IPv6 => (8, 24),
    };
    let length = key_length(family);
    match condition {
        Match::SourceIn(set) => vec![load(source, length), look_up(set, 0)],
        Match::DestinationIn(set) => vec![load(destination, length), look_up(set, 0)],
        Match::DestinationNotIn(set) => vec![load(destination, length), look_up(set, INVERTED)],
        // 224.0.0.0/4 and ff00::/8, as nft writes them.
        Match::NotMulticast => match family {
            AddressFamily::IPv4 => vec![
                load(destination, length),
                mask([0xf0, 0, 0, 0]),
                compare(Operator::NotEqual, &[0xe0, 0, 0, 0]),
            ],
            AddressFamily::IPv6 => vec![load(destination, 1), compare(Operator::NotEqual, &[0xff])],
        },
    }
}

fn encode_counter(name: &str) -> Encoded {
    let mut text = name.as_bytes().to_vec();
    text.push(0);
    other("objref", vec![number(1, COUNTER), DefaultNla::new(2, text)])
}

fn encode_action(family: AddressFamily, action: Action) -> Vec<Encoded> {
    match action {
        Action::Translate(SourceNat::Masquerade) => {
            vec![other("masq", vec![number(1, FULLY_RANDOM)])]
        }
        Action::Translate(SourceNat::To(address)) => {
            let address = DataAttribute::Value(octets(address));
            let register = u32::from(Register::Reg1);
            // NFTA_NAT_TYPE (0 is NFT_NAT_SNAT), _FAMILY, _REG_ADDR_MIN, _FLAGS.
            let nat = vec![
                number(1, 0),
                number(2, protocol(family).into()),
                number(3, register),
                number(7, FULLY_RANDOM),
            ];
            vec![immediate(Register::Reg1, address), other("nat", nat)]
        }
        // NFT_REJECT_ICMPX_UNREACH with NFT_REJECT_ICMPX_HOST_UNREACH.
        Action::Reject => {
            let code = DefaultNla::new(2, vec![2]);
            vec![other("reject", vec![number(1, 2), code])]
        }
        Action::Drop => {
            let verdict = vec![VerdictAttribute::Code(Verdict::Other(DROP))];
            vec![immediate(
                Register::Verdict,
                DataAttribute::Verdict(verdict),
            )]
        }
    }
}

fn load(offset: u32, length: u32) -> Encoded {
    Expressions::Payload(vec![
        Payload::DestinationRegister(Register::Reg1),
        Payload::Base(NETWORK_HEADER),
        Payload::Offset(offset),
        Payload::Len(length),
    ])
    .into()
}

fn look_up(set: &str, flags: u32) -> Encoded {
    Expressions::Lookup(vec![
        Lookup::Set(set.to_owned()),
        Lookup::SourceRegister(Register::Reg1),
        Lookup::Flags(flags),
    ])
    .into()
}

fn mask(mask: [u8; 4]) -> Encoded {
    Expressions::Bitwise(vec![
        Bitwise::SourceRegister(Register::Reg1),
        Bitwise::DestinationRegister(Register::Reg1),
        Bitwise::Length(4),
        Bitwise::Mask(DataAttribute::Value(mask.to_vec())),
        Bitwise::Xor(DataAttribute::Value(vec![0; 4])),
    ])
    .into()
}

fn compare(operator: Operator, value: &[u8]) -> Encoded {
    Expressions::Cmp(vec![
        Cmp::SourceRegister(Register::Reg1),
        Cmp::Op(operator),
        Cmp::Data(DataAttribute::Value(value.to_vec())),
    ])
    .into()
}

fn immediate(register: Register, data: DataAttribute) -> Encoded {
    Expressions::Immediate(vec![
        Immediate::DestinationRegister(register),
        Immediate::Data(data),
    ])
    .into()
}

fn other(name: &str, attributes: Vec<DefaultNla>) -> Encoded {
    Expressions::Other {
        expression_type: name.to_owned(),
        attributes,
    }
    .into()
}

/// An attribute of 32 bits in network order.
pub(super) fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_be_bytes().to_vec())
}
