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
