use l2::{Interface, Interfaces};
use plan::{LinkRole, Links};

use crate::io::sysctl::Folder;

/// The interfaces on which addresses can be answered now.
pub(super) fn interfaces(links: &Links, sysctl: &Folder) -> Interfaces {
    let up = links.0.iter().filter(|(_, link)| link.up);
    let interfaces = up.filter_map(|(index, link)| {
        let ethernet = link.ethernet?;
        let interface = Interface {
            name: link.name.clone(),
            mac: ethernet.mac,
            link_local: ethernet.link_local,
            addresses: link.addresses.clone(),
            uplink: link.role == LinkRole::Uplink,
            router: is_router(sysctl, &link.name),
        };
        Some((*index, interface))
    });
    interfaces.collect()
}

/// Whether it forwards IPv6. An interface without the setting speaks no IPv6.
fn is_router(sysctl: &Folder, interface: &str) -> bool {
    let setting = sysctl.read(&format!("net/ipv6/conf/{interface}/forwarding"));
    matches!(setting, Ok(Some(1..)))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use l2::Mac;
    use plan::{Ethernet, Link};

    use super::*;

    fn link(name: &str, up: bool, ethernet: bool) -> Link {
        let ethernet = ethernet.then_some(Ethernet {
            mac: Mac([2, 0, 0, 0, 0, 7]),
            link_local: Some("fe80::7".parse().unwrap()),
        });
        Link {
            name: name.into(),
            role: LinkRole::of(name, None, false),
            up,
            mtu: 1500,
            addresses: vec!["10.0.0.7/24".parse().unwrap()],
            default_ipv4: false,
            default_ipv6: false,
            gateways: Vec::new(),
            ethernet,
        }
    }

    #[test]
    fn answers_on_what_is_up_and_ethernet() {
        let folder = tempfile::tempdir().unwrap();
        let setting = folder.path().join("net/ipv6/conf/eth0.7");
        fs::create_dir_all(&setting).unwrap();
        fs::write(setting.join("forwarding"), "1\n").unwrap();
        let links = Links(BTreeMap::from([
            (1, link("tun0", true, false)),
            (2, link("eth0.7", true, true)),
            (3, link("eth1", false, true)),
            (4, link("veth4", true, true)),
        ]));
        let seen = interfaces(&links, &Folder(folder.path().to_owned()));
        assert_eq!(Vec::from_iter(seen.keys().copied()), [2, 4]);
        let (vlan, veth) = (&seen[&2], &seen[&4]);
        assert!(vlan.router && vlan.uplink && vlan.link_local.is_some());
        assert!(!veth.router && !veth.uplink, "without the setting");
    }
}
