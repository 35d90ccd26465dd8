use alloc::{format, string::String, vec::Vec};

use model::{AddressFamily, Name};

/// A kernel setting that the pod network needs. The order is that in which they are set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// The uplink goes on taking its default route from router advertisements although the node forwards:
    /// `net.ipv6.conf.IFACE.accept_ra` is 2 where it was 1 (ip-sysctl: a router ignores them otherwise).
    AcceptRouterAdvertisements(Name),
    /// `net.ipv4.ip_forward` or `net.ipv6.conf.all.forwarding` is 1.
    Forwarding(AddressFamily),
    /// The uplink takes packets whose way back is another one: the greater of `net.ipv4.conf.all.rp_filter` and
    /// `net.ipv4.conf.IFACE.rp_filter` is not 1 (RFC 3704 section 2.4).
    LooseReversePath(Name),
    /// `net.bridge.bridge-nf-call-iptables` or `-ip6tables` is 1: kube-proxy sees what pods of one bridge say to each
    /// other.
    BridgeNetfilter(AddressFamily),
}

impl Setting {
    /// Files below /proc/sys that it speaks of. The last one is that which is set.
    pub fn paths(&self) -> Vec<String> {
        let interface =
            |folder: &str, name: &Name, file: &str| format!("net/{folder}/conf/{name}/{file}");
        match self {
            Self::AcceptRouterAdvertisements(name) => {
                Vec::from([interface("ipv6", name, "accept_ra")])
            }
            Self::Forwarding(AddressFamily::IPv4) => Vec::from(["net/ipv4/ip_forward".into()]),
            Self::Forwarding(AddressFamily::IPv6) => {
                Vec::from(["net/ipv6/conf/all/forwarding".into()])
            }
            Self::LooseReversePath(name) => {
                let all = "net/ipv4/conf/all/rp_filter".into();
                Vec::from([all, interface("ipv4", name, "rp_filter")])
            }
            Self::BridgeNetfilter(AddressFamily::IPv4) => {
                Vec::from(["net/bridge/bridge-nf-call-iptables".into()])
            }
            Self::BridgeNetfilter(AddressFamily::IPv6) => {
                Vec::from(["net/bridge/bridge-nf-call-ip6tables".into()])
            }
        }
    }

    /// What the last of [`Setting::paths`] must become, given the values of all of them; `None`: it holds already.
    pub fn wanted(&self, values: &[i64]) -> Option<i64> {
        let greatest = values.iter().max().copied().unwrap_or_default();
        match self {
            Self::AcceptRouterAdvertisements(_) => (greatest == 1).then_some(2),
            Self::Forwarding(_) | Self::BridgeNetfilter(_) => (greatest != 1).then_some(1),
            Self::LooseReversePath(_) => (greatest == 1).then_some(2),
        }
    }

    /// The interface that it is about, if it is about one: its files go with it.
    pub fn interface(&self) -> Option<&Name> {
        match self {
            Self::AcceptRouterAdvertisements(name) | Self::LooseReversePath(name) => Some(name),
            Self::Forwarding(_) | Self::BridgeNetfilter(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn router_advertisements_that_were_off_stay_off() {
        let setting = Setting::AcceptRouterAdvertisements("eth0".into());
        assert_eq!(setting.paths(), ["net/ipv6/conf/eth0/accept_ra"]);
        assert_eq!(
            [0, 1, 2].map(|value| setting.wanted(&[value])),
            [None, Some(2), None]
        );
    }

    #[test]
    fn the_greater_of_two_reverse_path_filters_counts() {
        let setting = Setting::LooseReversePath("eth0.100".into());
        assert_eq!(setting.paths()[1], "net/ipv4/conf/eth0.100/rp_filter");
        assert_eq!(setting.wanted(&[1, 0]), Some(2));
        assert_eq!(setting.wanted(&[0, 1]), Some(2));
        for fine in [[0, 0], [2, 1], [1, 2]] {
            assert_eq!(setting.wanted(&fine), None);
        }
    }

    #[test]
    fn advertisements_are_looked_after_before_forwarding_is_switched_on() {
        let advertisements = Setting::AcceptRouterAdvertisements("eth0".into());
        let forwarding = Setting::Forwarding(AddressFamily::IPv6);
        assert!(advertisements < forwarding);
        assert_eq!(
            (forwarding.wanted(&[0]), forwarding.wanted(&[1])),
            (Some(1), None)
        );
    }
}
