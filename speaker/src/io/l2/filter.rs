//! Which frames reach user space: classic BPF programs (Documentation/networking/filter.rst) for packet sockets.
//!
//! A program passes ARP requests and replies, or neighbor solicitations and advertisements, about addresses in at most
//! 256 ranges. The ranges cover all addresses of interest and may hold others: the machine matches exactly. Jumps reach
//! 255 instructions and a program has 4,096, hence blocks of few instructions, one per range, that are tried in turn.

mod range;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socket2::SockFilter;

use range::{Range, cover};

/// Classes and modes of instructions (linux/bpf_common.h): load a word, a half, an octet at a fixed place; jump when
/// equal, greater, greater or equal; return.
const LD_W: u16 = 0x20;
const LD_H: u16 = 0x28;
const LD_B: u16 = 0x30;
const JEQ: u16 = 0x15;
const JGT: u16 = 0x25;
const JGE: u16 = 0x35;
const RET: u16 = 0x06;
/// SKF_AD_OFF + SKF_AD_PKTTYPE (linux/filter.h): for whom the frame is.
const PACKET_TYPE: u32 = 0xffff_f000 + 4;
/// PACKET_OTHERHOST (linux/if_packet.h): another MAC, seen for the promiscuous mode, or a VLAN that is not set up here.
const OTHER_HOST: u32 = 3;
/// A whole frame passes.
const WHOLE: u32 = 0x0004_0000;
/// Octets of an Ethernet header.
const ETHERNET: u32 = 14;
/// `ar$op`, `ar$spa`, `ar$tpa` (RFC 826).
const ARP_OPERATION: u32 = ETHERNET + 6;
const ARP_SENDER: u32 = ETHERNET + 14;
const ARP_TARGET: u32 = ETHERNET + 24;
/// Next Header (RFC 8200 3), Type (RFC 4443 2.1) and Target Address (RFC 4861 4.3, 4.4), without extension headers.
const NEXT_HEADER: u32 = ETHERNET + 6;
const ICMP_TYPE: u32 = ETHERNET + 40;
const ND_TARGET: u32 = ETHERNET + 48;
const ICMPV6: u32 = 58;
const SOLICITATION: u32 = 135;
const ADVERTISEMENT: u32 = 136;

/// One instruction, as the kernel takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    operand: u32,
}

/// A program.
pub(super) type Program = Vec<Instruction>;

/// The program for ARP. Frames have to be of that EtherType.
pub(super) fn arp(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Program {
    let words = addresses.into_iter().map(|address| [address.to_bits()]);
    let ranges = cover(words);
    let mut program = start();
    program.push(load(LD_H, ARP_OPERATION));
    // Request and reply.
    program.extend(one_of([1, 2]));
    for place in [ARP_TARGET, ARP_SENDER] {
        program.extend(ranges.iter().flat_map(|range| pass(place, range)));
    }
    program.push(result(0));
    program
}

/// The program for neighbor solicitations and advertisements. Frames have to be IPv6.
pub(super) fn ndp(addresses: impl IntoIterator<Item = Ipv6Addr>) -> Program {
    let words = addresses.into_iter().map(|address| {
        let [a, b, c, d, e, f, g, h] = address.segments().map(u32::from);
        [a << 16 | b, c << 16 | d, e << 16 | f, g << 16 | h]
    });
    let ranges = cover(words);
    let mut program = start();
    program.push(load(LD_B, NEXT_HEADER));
    program.extend([jump(JEQ, ICMPV6, 1, 0), result(0)]);
    program.push(load(LD_B, ICMP_TYPE));
    program.extend(one_of([SOLICITATION, ADVERTISEMENT]));
    program.extend(ranges.iter().flat_map(|range| pass(ND_TARGET, range)));
    program.push(result(0));
    program
}

/// The addresses of each family.
pub(super) fn by_family(
    addresses: impl IntoIterator<Item = IpAddr>,
) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
    for address in addresses {
        match address {
            IpAddr::V4(address) => ipv4.push(address),
            IpAddr::V6(address) => ipv6.push(address),
        }
    }
    (ipv4, ipv6)
}

impl From<Instruction> for SockFilter {
    fn from(instruction: Instruction) -> Self {
        let Instruction {
            code,
            if_true,
            if_false,
            operand,
        } = instruction;
        Self::new(code, if_true, if_false, operand)
    }
}

/// Drops what is for another host.
fn start() -> Program {
    vec![
        load(LD_W, PACKET_TYPE),
        jump(JEQ, OTHER_HOST, 0, 1),
        result(0),
    ]
}

/// Drops what is neither.
fn one_of([one, other]: [u32; 2]) -> [Instruction; 3] {
    [jump(JEQ, one, 2, 0), jump(JEQ, other, 1, 0), result(0)]
}

/// Passes the frame when the words from `place` on are in the range; else goes on behind.
fn pass<const WORDS: usize>(place: u32, range: &Range<WORDS>) -> Program {
    let mut places = (place..).step_by(4);
    let mut program = Vec::with_capacity(2 * WORDS + 4);
    // Still to come behind the jump of each: the other words, and five for the last.
    let equal = range.equal();
    for ((word, place), left) in equal.iter().zip(&mut places).zip((0..equal.len()).rev()) {
        let over = u8::try_from(2 * left + 4).unwrap_or(u8::MAX);
        program.extend([load(LD_W, place), jump(JEQ, *word, 0, over)]);
    }
    let place = places.next().unwrap_or(place);
    program.extend([
        load(LD_W, place),
        jump(JGE, range.low, 0, 2),
        jump(JGT, range.high, 1, 0),
        result(WHOLE),
    ]);
    program
}

fn load(code: u16, place: u32) -> Instruction {
    instruction(code, place, 0, 0)
}

fn jump(code: u16, operand: u32, if_true: u8, if_false: u8) -> Instruction {
    instruction(code, operand, if_true, if_false)
}

fn result(octets: u32) -> Instruction {
    instruction(RET, octets, 0, 0)
}

fn instruction(code: u16, operand: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction {
        code,
        if_true,
        if_false,
        operand,
    }
}

#[cfg(test)]
mod tests;
