use core::net::IpAddr;

use ring::digest::{Context, SHA256};

/// The order of nominations for one address: the greatest owns it. All nodes compute it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Process and interface have been well for the stability time.
    pub stable: bool,
    /// The address is in a subnet of the interface.
    pub on_subnet: bool,
    /// How much the node is preferred.
    pub weight: u16,
    /// [`digest`] of node and address, which spreads addresses evenly.
    pub digest: [u8; 32],
}

/// SHA-256 over the node's name, an octet 0 and the address in 16 octets (IPv4 as ::ffff:a.b.c.d). Fixed for ever:
/// nodes of different versions have to agree on it.
pub fn digest(node: &str, address: IpAddr) -> [u8; 32] {
    let mapped = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let mut context = Context::new(&SHA256);
    context.update(node.as_bytes());
    context.update(&[0]);
    context.update(&mapped.octets());
    let mut digest = [0; 32];
    // Both are 32 octets, as SHA-256 is.
    for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    digest
}
