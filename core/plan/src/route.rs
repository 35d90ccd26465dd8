use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use bgp::Prefix;

/// Protocol number of our routes in the kernel (rtm_protocol), unless a flag says otherwise.
pub const ROUTE_PROTOCOL: u8 = 158;

/// Metric of a route to the pods of a node on the same subnet.
pub const DIRECT_METRIC: u32 = 512;
/// Metric of a route that a router told: taken where there is no direct one.
pub const IMPORTED_METRIC: u32 = 768;

/// Routes of the kernel's main table: ours, or those that should be ours.
pub type Routes = BTreeMap<RouteKey, RouteTarget>;

/// What the kernel tells routes apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteKey {
    /// Destination.
    pub prefix: Prefix,
    /// Lower is preferred (RTA_PRIORITY).
    pub metric: u32,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTarget {
    /// Nowhere: an ICMP error (RTN_UNREACHABLE).
    Unreachable,
    /// To one or several neighbours of equal weight, sorted, none twice.
    Via(Vec<Hop>),
}

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Index of the interface that it is behind.
    pub interface: u32,
    /// Its address.
    pub gateway: IpAddr,
}
