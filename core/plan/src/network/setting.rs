use alloc::collections::BTreeSet;

use model::{AddressFamily, CniType};

use super::Situation;
use crate::Setting;

/// What forwarding between pods and uplinks needs, for the families that this node has pods of.
pub(super) fn plan(situation: Situation<'_>) -> BTreeSet<Setting> {
    let cidrs = situation.own_cidrs();
    let families: BTreeSet<AddressFamily> = cidrs
        .iter()
        .map(|prefix| AddressFamily::of(prefix.address()))
        .collect();
    let mut settings = BTreeSet::new();
    for family in families {
        settings.insert(Setting::Forwarding(family));
        if situation.pod_network.cni_type == CniType::Bridge && situation.pod_network.cni_install {
            settings.insert(Setting::BridgeNetfilter(family));
        }
        settings.extend(
            situation
                .links
                .uplinks()
                .map(|link| link.name.clone())
                .map(|name| match family {
                    AddressFamily::IPv4 => Setting::LooseReversePath(name),
                    AddressFamily::IPv6 => Setting::AcceptRouterAdvertisements(name),
                }),
        );
    }
    settings
}
