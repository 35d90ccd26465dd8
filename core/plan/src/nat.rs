use alloc::{collections::BTreeMap, collections::BTreeSet, vec::Vec};
use core::net::IpAddr;

use ipnet::IpNet;
use model::AddressFamily;

/// How what pods send outside the cluster is translated, by family. A family that is not here is not translated.
pub type Egress = BTreeMap<AddressFamily, FamilyEgress>;

/// The same for one family. Networks are sorted and do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyEgress {
    /// This node's pods: what comes from here is translated ...
    pub pods: Vec<IpNet>,
    /// ... unless it goes to a pod of the cluster,
    pub cluster: Vec<IpNet>,
    /// to an address of a node,
    pub nodes: BTreeSet<IpAddr>,
    /// or to a network that shall see the pod's own address.
    pub excluded: Vec<IpNet>,
    /// The address that it gets.
    pub source: SourceNat,
}

/// Which source address a translated packet gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceNat {
    /// That of the interface that it leaves through.
    Masquerade,
    /// This one.
    To(IpAddr),
}
