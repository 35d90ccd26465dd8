use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use l2::Nominee;
use model::{L2Advertisement, Labels, Name, Node};

/// The cluster's nodes with their InternalIPs, by name.
pub type NodeIps = BTreeMap<Name, Vec<IpAddr>>;

/// What an advertisement means for the node with these labels.
pub(crate) fn terms(advertisement: &L2Advertisement, labels: &Labels) -> Nominee {
    Nominee {
        interfaces: advertisement.interfaces.clone(),
        weight: advertisement.weight(labels),
        stability_time: advertisement.stability_time,
        gratuitous_interval: advertisement.gratuitous_interval,
    }
}

/// What two advertisements, or two Services of one address, ask for together: all interfaces, the greater weight, the
/// longer caution, the more frequent announcements.
pub(crate) fn unite(one: Nominee, other: Nominee) -> Nominee {
    let intervals = one.gratuitous_interval.into_iter();
    Nominee {
        interfaces: one.interfaces.or(&other.interfaces),
        weight: one.weight.max(other.weight),
        stability_time: one.stability_time.max(other.stability_time),
        gratuitous_interval: intervals.chain(other.gratuitous_interval).min(),
    }
}

/// Where the other nodes are to be told what this one nominates itself for.
pub(crate) fn node_ips<'a>(nodes: impl Iterator<Item = &'a Node>) -> NodeIps {
    nodes
        .map(|node| (node.meta.name.clone(), node.internal_ips.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use l2::InterfaceFilter;

    use super::*;

    #[test]
    fn two_together_want_what_one_of_them_wants() {
        let seconds = Duration::from_secs;
        let one = Nominee {
            interfaces: InterfaceFilter::new(["eth1".into()]),
            weight: 10,
            stability_time: seconds(1),
            gratuitous_interval: None,
        };
        let other = Nominee {
            interfaces: InterfaceFilter::new([]),
            weight: 3,
            stability_time: seconds(10),
            gratuitous_interval: Some(seconds(60)),
        };
        let both = unite(one.clone(), other.clone());
        assert_eq!(both, unite(other.clone(), one));
        assert!(both.interfaces.uplinks && both.interfaces.patterns.len() == 1);
        assert_eq!((both.weight, both.stability_time), (10, seconds(10)));
        assert_eq!(both.gratuitous_interval, Some(seconds(60)));
        let often = Nominee {
            gratuitous_interval: Some(seconds(5)),
            ..other.clone()
        };
        assert_eq!(unite(other, often).gratuitous_interval, Some(seconds(5)));
    }
}
