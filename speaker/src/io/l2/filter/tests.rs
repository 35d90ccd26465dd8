use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;

/// The kernel takes no longer one (BPF_MAXINSNS).
const LONGEST: usize = 4096;

/// What the kernel makes of a program: whether the frame passes. A load beyond its end ends it.
fn run(program: &[Instruction], packet_type: u32, frame: &[u8]) -> bool {
    let (mut next, mut accumulator) = (0, 0);
    loop {
        let Instruction {
            code,
            if_true,
            if_false,
            operand,
        } = program[next];
        next += 1;
        let mut jump = |holds| next += usize::from(if holds { if_true } else { if_false });
        let octets = |length: usize| {
            let at = operand as usize;
            let octets = frame.get(at..at + length)?.iter();
            Some(octets.fold(0, |number, octet| number << 8 | u32::from(*octet)))
        };
        let loaded = match code {
            LD_W if operand == PACKET_TYPE => Some(packet_type),
            LD_W => octets(4),
            LD_H => octets(2),
            LD_B => octets(1),
            JEQ => {
                jump(accumulator == operand);
                continue;
            }
            JGT => {
                jump(accumulator > operand);
                continue;
            }
            JGE => {
                jump(accumulator >= operand);
                continue;
            }
            RET => return operand > 0,
            _ => panic!("instruction {code:#x}"),
        };
        match loaded {
            Some(value) => accumulator = value,
            None => return false,
        }
    }
}

fn arp_frame(operation: u16, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0xff; 12];
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4]);
    frame.extend(operation.to_be_bytes());
    frame.extend([2; 6]);
    frame.extend(sender.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

fn nd_frame(next_header: u8, kind: u8, target: Ipv6Addr) -> Vec<u8> {
    let mut frame = vec![0x33; 12];
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, next_header, 255]);
    frame.extend([7; 32]);
    frame.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
    frame.extend(target.octets());
    frame
}

/// Does the frame about the address pass?
fn passes(program: &[Instruction], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let other = Ipv4Addr::new(255, 1, 2, 3);
            let as_target = run(program, 1, &arp_frame(1, other, address));
            assert_eq!(as_target, run(program, 0, &arp_frame(2, address, other)));
            as_target
        }
        IpAddr::V6(address) => {
            let asked = run(program, 2, &nd_frame(58, 135, address));
            assert_eq!(asked, run(program, 0, &nd_frame(58, 136, address)));
            asked
        }
    }
}

/// Random numbers, always the same (Steele, Lea, Flood: SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In a few pools, so that neighbours happen.
    fn ipv4(&mut self, pools: u64) -> Ipv4Addr {
        let random = self.next();
        let pool = (random >> 32) % pools;
        Ipv4Addr::from_bits(0x0a00_0000 + ((pool as u32) << 18) + (random as u32 & 0x7ff))
    }

    /// Such that each of the words may be the first that differs.
    fn ipv6(&mut self, pools: u64) -> Ipv6Addr {
        let random = self.next();
        let pool = u128::from((random >> 32) % pools);
        let low = u128::from(random as u32 & 0xfff);
        let place = 32 * (self.next() % 4);
        Ipv6Addr::from_bits((0x20 << 120) + (pool << 108) + (pool << place) + low)
    }
}

/// Whether one of the ranges holds the words, by the definition alone.
fn within<const WORDS: usize>(ranges: &[Range<WORDS>], words: [u32; WORDS]) -> bool {
    ranges.iter().any(|range| {
        let equal = range.equal();
        let next = words[equal.len()];
        words.starts_with(equal) && (range.low..=range.high).contains(&next)
    })
}

#[test]
fn every_address_of_the_set_passes_and_nothing_outside_the_ranges() {
    let mut random = Random(1);
    for (count, pools) in [(1, 1), (3, 2), (200, 3), (256, 64), (1000, 7), (1000, 2000)] {
        let ipv4: Vec<_> = (0..count).map(|_| random.ipv4(pools)).collect();
        let program = arp(ipv4.iter().copied());
        assert!(program.len() < LONGEST, "{count}: {}", program.len());
        assert!(ipv4.iter().all(|own| passes(&program, (*own).into())));
        let ranges = cover(ipv4.iter().map(|address| [address.to_bits()]));
        assert!(ranges.len() <= range::MOST);
        for address in (0..1000).map(|_| random.ipv4(2 * pools)) {
            let expected = within(&ranges, [address.to_bits()]);
            assert_eq!(passes(&program, address.into()), expected, "{address}");
        }
    }
    let words = |address: Ipv6Addr| {
        let bits = address.to_bits();
        [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
    };
    for (count, pools) in [
        (1, 1),
        (3, 2),
        (200, 3),
        (256, 256),
        (1000, 7),
        (1000, 2000),
    ] {
        let ipv6: Vec<_> = (0..count).map(|_| random.ipv6(pools)).collect();
        let program = ndp(ipv6.iter().copied());
        assert!(program.len() < LONGEST, "{count}: {}", program.len());
        assert!(ipv6.iter().all(|own| passes(&program, (*own).into())));
        let ranges = cover(ipv6.iter().map(|address| words(*address)));
        assert!(ranges.len() <= range::MOST);
        for address in (0..1000).map(|_| random.ipv6(2 * pools)) {
            let expected = within(&ranges, words(address));
            assert_eq!(passes(&program, address.into()), expected, "{address}");
        }
    }
}

#[test]
fn passes_exactly_the_addresses_while_256_ranges_are_enough() {
    let own: Vec<Ipv4Addr> = (0..256)
        .map(|n| Ipv4Addr::from_bits(0x0a00_0000 + n * 3))
        .collect();
    let program = arp(own.iter().copied());
    for bits in 0x09ff_fff0..0x0a00_0400 {
        let address = Ipv4Addr::from_bits(bits);
        let passed = passes(&program, address.into());
        assert_eq!(passed, own.contains(&address), "{address}");
    }
    let own: Vec<Ipv6Addr> = (0..256)
        .map(|n| Ipv6Addr::from_bits((0xfd07 << 112) + (n << 95)))
        .collect();
    let program = ndp(own.iter().copied());
    for address in &own {
        assert!(passes(&program, (*address).into()));
        for bit in [0, 31, 32, 63, 64, 94, 120] {
            let other = Ipv6Addr::from_bits(address.to_bits() ^ (1 << bit));
            assert!(!passes(&program, other.into()), "{other}");
        }
    }
}

#[test]
fn merges_what_is_closest_first() {
    let far = (0..255).map(|n| 0x0a00_0000 + n * 0x1_0000);
    let near = [0x0afe_0002, 0x0afe_0003, 0x0afe_0009];
    let own: Vec<Ipv4Addr> = far.chain(near).map(Ipv4Addr::from_bits).collect();
    let program = arp(own.iter().copied());
    assert!(own.iter().all(|own| passes(&program, (*own).into())));
    let passed = |text: &str| passes(&program, text.parse().unwrap());
    // 10.254.0.0, .2, .3 and .9 in two ranges: .0 to .3 in one, as .9 is farther away.
    assert!(passed("10.254.0.1"));
    assert!(!passed("10.254.0.5") && !passed("10.253.0.1"));
}

#[test]
fn passes_nothing_without_addresses() {
    assert!(!passes(&arp([]), "10.0.0.1".parse().unwrap()));
    assert!(!passes(&ndp([]), "fd00::1".parse().unwrap()));
}

#[test]
fn drops_what_is_about_something_else() {
    let (ipv4, ipv6): (Ipv4Addr, Ipv6Addr) =
        ("10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap());
    let (arp, ndp) = (arp([ipv4]), ndp([ipv6]));
    let other = Ipv4Addr::new(10, 0, 0, 2);
    assert!(!run(&arp, OTHER_HOST, &arp_frame(1, other, ipv4)));
    assert!(!run(&ndp, OTHER_HOST, &nd_frame(58, 135, ipv6)));
    // RARP's operations.
    for operation in [0, 3, 4, 0x0100] {
        assert!(!run(&arp, 1, &arp_frame(operation, other, ipv4)));
    }
    for kind in [0, 128, 133, 134, 137] {
        assert!(!run(&ndp, 2, &nd_frame(58, kind, ipv6)), "{kind}");
    }
    for next_header in [0, 6, 17, 43, 44] {
        assert!(!run(&ndp, 2, &nd_frame(next_header, 135, ipv6)));
    }
    let whole = arp_frame(1, other, ipv4);
    let whole6 = nd_frame(58, 135, ipv6);
    for length in 0..whole.len() {
        assert!(!run(&arp, 1, &whole[..length]), "{length}");
    }
    for length in 0..whole6.len() {
        assert!(!run(&ndp, 2, &whole6[..length]), "{length}");
    }
}
