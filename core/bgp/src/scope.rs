use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use core::fmt;
use core::net::IpAddr;

/// One of our interfaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// Its index, by which the kernel knows it.
    pub index: u32,
    /// Its name, for people.
    pub name: Arc<str>,
}

/// An address with the interface on which it means something (RFC 4007).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopedAddress {
    /// The address.
    pub address: IpAddr,
    /// Index of the interface of a link-local address; `None`: the address means the same everywhere.
    pub interface: Option<u32>,
}

impl From<IpAddr> for ScopedAddress {
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            interface: None,
        }
    }
}

impl fmt::Display for ScopedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.interface {
            Some(interface) => write!(f, "{}%{interface}", self.address),
            None => self.address.fmt(f),
        }
    }
}

/// An address as people write it, `fe80::1%eth0` on an interface.
pub(crate) fn shown(address: IpAddr, interface: Option<&Interface>) -> String {
    match interface {
        Some(interface) => format!("{address}%{}", interface.name),
        None => address.to_string(),
    }
}
