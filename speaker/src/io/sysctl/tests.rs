use std::{
    fs,
    path::{Path, PathBuf},
};

use model::AddressFamily;
use tempfile::TempDir;

use super::*;

const FORWARDING: &str = "net/ipv4/ip_forward";
const FORWARDING_V6: &str = "net/ipv6/conf/all/forwarding";
const ADVERTISEMENTS: &str = "net/ipv6/conf/eth0/accept_ra";

struct Node {
    _root: TempDir,
    folder: Folder,
    originals: Originals,
}

impl Node {
    fn new(settings: &[(&str, i64)]) -> Self {
        let root = TempDir::new().unwrap();
        let node = Self {
            folder: Folder(root.path().join("sys")),
            originals: Originals(root.path().join("run/herald")),
            _root: root,
        };
        for (path, value) in settings {
            let file = node.path(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{value}\n")).unwrap();
        }
        node
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.0.join(path)
    }

    fn value(&self, path: &str) -> i64 {
        self.folder.read(path).unwrap().unwrap()
    }

    fn reconcile(&self, desired: &[Setting]) -> Vec<String> {
        reconcile(
            &self.folder,
            &self.originals,
            &desired.iter().cloned().collect(),
        )
    }
}

/// A folder in place of the file: it can be read as little as written.
fn make_unusable(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

#[test]
fn sets_what_is_wrong_and_leaves_what_is_right() {
    let node = Node::new(&[(FORWARDING, 0), (FORWARDING_V6, 1), (ADVERTISEMENTS, 1)]);
    let desired = [
        Setting::Forwarding(AddressFamily::IPv4),
        Setting::Forwarding(AddressFamily::IPv6),
        Setting::AcceptRouterAdvertisements("eth0".into()),
    ];
    assert!(node.reconcile(&desired).is_empty());
    let values = [FORWARDING, FORWARDING_V6, ADVERTISEMENTS].map(|path| node.value(path));
    assert_eq!(values, [1, 1, 2]);
}

#[test]
fn restores_what_was_there_before_the_first_change() {
    let node = Node::new(&[(FORWARDING, 0), (ADVERTISEMENTS, 1)]);
    let desired = [
        Setting::Forwarding(AddressFamily::IPv4),
        Setting::AcceptRouterAdvertisements("eth0".into()),
    ];
    node.reconcile(&desired);
    // Somebody interferes; the next run of the speaker finds another value.
    node.folder.write(FORWARDING, 2).unwrap();
    node.reconcile(&desired);
    let (done, failed) = node.originals.restore(&node.folder);
    assert_eq!(
        done,
        [
            "net.ipv4.ip_forward restored from 1 to 0",
            "net.ipv6.conf.eth0.accept_ra restored from 2 to 1",
        ]
    );
    assert!(failed.is_empty());
    assert_eq!((node.value(FORWARDING), node.value(ADVERTISEMENTS)), (0, 1));
    let again = node.originals.restore(&node.folder);
    assert_eq!(again, (Vec::new(), Vec::new()));
}

#[test]
fn names_what_it_cannot_set_and_goes_on_with_the_next() {
    let node = Node::new(&[(FORWARDING, 0), (FORWARDING_V6, 0)]);
    make_unusable(&node.path(FORWARDING));
    let desired = [
        Setting::Forwarding(AddressFamily::IPv4),
        Setting::Forwarding(AddressFamily::IPv6),
    ];
    let problems = node.reconcile(&desired);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("net.ipv4.ip_forward"), "{problems:?}");
    assert!(
        problems[0].contains("deploy/herald-network.yaml"),
        "{problems:?}"
    );
    assert_eq!(node.value(FORWARDING_V6), 1);
}

#[test]
fn says_that_br_netfilter_is_not_loaded() {
    let node = Node::new(&[]);
    let problems = node.reconcile(&[Setting::BridgeNetfilter(AddressFamily::IPv4)]);
    assert!(problems[0].starts_with("net.bridge.bridge-nf-call-iptables is not there"));
    assert!(problems[0].contains("modprobe br_netfilter"));
}

#[test]
fn an_interface_that_is_gone_is_no_problem() {
    let node = Node::new(&[("net/ipv4/conf/all/rp_filter", 1)]);
    let desired = [
        Setting::AcceptRouterAdvertisements("eth9".into()),
        Setting::LooseReversePath("eth9".into()),
    ];
    assert!(node.reconcile(&desired).is_empty());
}

#[test]
fn sets_without_a_note_where_none_can_be_written() {
    let node = Node::new(&[(FORWARDING, 0)]);
    // A file where the folder should be.
    fs::create_dir_all(node.originals.0.parent().unwrap()).unwrap();
    fs::write(&node.originals.0, "").unwrap();
    assert!(
        node.reconcile(&[Setting::Forwarding(AddressFamily::IPv4)])
            .is_empty()
    );
    assert_eq!(node.value(FORWARDING), 1);
}

#[test]
fn restores_network_settings_only() {
    let node = Node::new(&[(FORWARDING, 0)]);
    fs::create_dir_all(&node.originals.0).unwrap();
    let note = r#"{"net/../kernel/panic": 1, "kernel/panic": 1}"#;
    fs::write(node.originals.0.join("settings.json"), note).unwrap();
    let (done, failed) = node.originals.restore(&node.folder);
    assert_eq!((done.len(), failed.len()), (0, 2));
}

#[test]
fn names_are_those_that_sysctl_takes() {
    assert_eq!(
        name("net/ipv4/conf/eth0.100/rp_filter"),
        "net.ipv4.conf.eth0/100.rp_filter"
    );
}

#[tokio::test]
async fn follows_the_plan() {
    let node = Node::new(&[(FORWARDING, 0)]);
    let (network, network_seen) = watch::channel(Arc::<NetworkPlan>::default());
    let (problems, mut problems_seen) = watch::channel(Vec::new());
    let driver = tokio::spawn(run(Config {
        folder: node.folder.clone(),
        originals: node.originals.clone(),
        network: network_seen,
        problems,
    }));
    let settings = [
        Setting::Forwarding(AddressFamily::IPv4),
        Setting::BridgeNetfilter(AddressFamily::IPv4),
    ];
    network.send_replace(Arc::new(NetworkPlan {
        settings: settings.into(),
        ..NetworkPlan::default()
    }));
    let told = problems_seen.wait_for(|problems| problems.len() == 1);
    timeout(Duration::from_secs(60), told)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(node.value(FORWARDING), 1);
    drop(network);
    driver.await.unwrap();
}
