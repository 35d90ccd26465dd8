use core::net::IpAddr;

/// How a datagram came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Who sent it.
    pub remote: IpAddr,
    /// The address that it was sent to.
    pub local: IpAddr,
    /// Index of the interface that it came in by.
    pub interface: u32,
    /// Its TTL or hop limit.
    pub ttl: u8,
    /// It came to port 4784 (RFC 5883 section 5), else to 3784 (RFC 5881 section 4).
    pub multihop: bool,
}
