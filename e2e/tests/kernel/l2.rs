//! The driver of layer 2 with the real kernel: nodes and a client on one bridge.

mod announcers;
mod election;
mod flow;
mod interface;
mod responder;
mod segment;

use std::net::IpAddr;

/// Addresses that are to be answered; no host has them.
const IPV4: &str = "10.7.0.100";
const IPV6: &str = "fd07::100";

fn both() -> [IpAddr; 2] {
    [IPV4, IPV6].map(|text| text.parse().expect("an address"))
}
