//! Whether the kernel answers ARP for addresses of Services on its own, which would make every node an owner.
//!
//! kube-proxy in IPVS mode puts every address of a Service on interface kube-ipvs0, and a Linux host answers ARP for any
//! address of its own on any interface unless net.ipv4.conf.all.arp_ignore says otherwise (kernel documentation,
//! ip-sysctl). kube-proxy sets that with `ipvs.strictARP`. NDP has no such trap: the kernel answers only for
//! addresses of the interface that it was asked on.

use std::time::Duration;

use plan::Links;
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

use crate::io::sysctl::Folder;

/// The interface of kube-proxy in IPVS mode.
const IPVS: &str = "kube-ipvs0";
/// The setting, below the folder of settings.
const ARP_IGNORE: &str = "net/ipv4/conf/all/arp_ignore";
/// What a changed setting is noticed after.
const INTERVAL: Duration = Duration::from_secs(60);

/// Looks at interfaces and setting whenever the former change, and once a minute.
pub(crate) struct StrictArp {
    pub(crate) folder: Folder,
    pub(crate) links: watch::Receiver<Links>,
    /// True: the kernel answers on its own.
    pub(crate) required: watch::Sender<bool>,
}

impl StrictArp {
    /// Runs until the interfaces' sender is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let is_ipvs = is_ipvs(&self.links.borrow_and_update());
            // A setting that cannot be read is no reason to alarm anybody.
            let arp_ignore = match is_ipvs {
                true => self.arp_ignore().await,
                false => None,
            };
            let required = is_required(is_ipvs, arp_ignore);
            self.required
                .send_if_modified(|known| std::mem::replace(known, required) != required);
            if let Ok(Err(_ended)) = timeout(INTERVAL, self.links.changed()).await {
                return;
            }
        }
    }

    async fn arp_ignore(&self) -> Option<i64> {
        let folder = self.folder.clone();
        let read = spawn_blocking(move || folder.read(ARP_IGNORE)).await;
        read.ok()?.ok()?
    }
}

fn is_ipvs(links: &Links) -> bool {
    links.0.values().any(|link| &*link.name == IPVS)
}

/// With 1 and 2 the kernel answers only for addresses of the interface that it was asked on, with 8 not at all; 3 looks
/// at the scope of the address, which kube-proxy leaves global.
fn is_required(is_ipvs: bool, arp_ignore: Option<i64>) -> bool {
    is_ipvs && matches!(arp_ignore, Some(0 | 3))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use plan::{Link, LinkRole};

    use super::*;

    fn links(name: &str) -> Links {
        let link = Link {
            name: name.into(),
            role: LinkRole::Container,
            up: false,
            mtu: 1500,
            addresses: Vec::new(),
            default_ipv4: false,
            default_ipv6: false,
            gateways: Vec::new(),
            ethernet: None,
        };
        Links([(7, link)].into())
    }

    #[test]
    fn is_required_only_with_ipvs_and_a_kernel_that_answers_for_every_address() {
        let table = [
            (true, Some(0), true),
            (true, Some(1), false),
            (true, Some(2), false),
            (true, Some(3), true),
            (true, Some(8), false),
            (true, None, false),
            (false, Some(0), false),
        ];
        for (is_ipvs, arp_ignore, required) in table {
            let said = is_required(is_ipvs, arp_ignore);
            assert_eq!(said, required, "{is_ipvs} {arp_ignore:?}");
        }
        assert!(is_ipvs(&links("kube-ipvs0")) && !is_ipvs(&links("kube-bridge")));
    }

    #[tokio::test]
    async fn is_told_once_kube_proxy_is_in_ipvs_mode() {
        let folder = tempfile::tempdir().unwrap();
        let setting = folder.path().join(ARP_IGNORE);
        fs::create_dir_all(setting.parent().unwrap()).unwrap();
        fs::write(&setting, "0\n").unwrap();
        let (links_told, links_seen) = watch::channel(links("eth0"));
        let (required, mut seen) = watch::channel(false);
        let strict_arp = StrictArp {
            folder: Folder(folder.path().to_owned()),
            links: links_seen,
            required,
        };
        let running = tokio::spawn(strict_arp.run());
        links_told.send_replace(links("kube-ipvs0"));
        let within = Duration::from_secs(20);
        timeout(within, seen.wait_for(|required| *required))
            .await
            .unwrap()
            .unwrap();
        fs::write(&setting, "1\n").unwrap();
        let mut both = links("kube-ipvs0");
        both.0.extend([(8, links("eth0").0.remove(&7).unwrap())]);
        links_told.send_replace(both);
        timeout(within, seen.wait_for(|required| !*required))
            .await
            .unwrap()
            .unwrap();
        drop(links_told);
        timeout(within, running).await.unwrap().unwrap();
    }
}
