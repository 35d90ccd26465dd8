use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use model::CniType;
use tempfile::TempDir;

use super::*;

struct Node {
    _root: TempDir,
    folders: Folders,
}

fn config() -> CniConfig {
    CniConfig {
        kind: CniType::Ptp,
        subnets: vec!["10.244.1.0/24".parse().unwrap()],
        mtu: None,
    }
}

impl Node {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let folders = Folders {
            conf: root.path().join("net.d"),
            bin: root.path().join("bin"),
        };
        fs::create_dir(&folders.conf).unwrap();
        fs::create_dir(&folders.bin).unwrap();
        let node = Self {
            _root: root,
            folders,
        };
        for plugin in config().plugins() {
            node.plugin(plugin, 0o755);
        }
        node
    }

    fn plugin(&self, name: &str, mode: u32) {
        let path = self.folders.bin.join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folders.conf.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folders.conf.join(name)).ok()
    }

    fn ours(&self) -> Option<String> {
        self.read(CniConfig::FILE)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folders.conf).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    fn reconcile(&self, desired: &Cni) -> CniState {
        reconcile(&self.folders, desired)
    }

    fn install(&self) -> CniState {
        self.reconcile(&Cni::Install(config()))
    }
}

#[test]
fn writes_the_file_for_root_alone_and_leaves_nothing_else() {
    let node = Node::new();
    let state = node.install();
    assert_eq!(
        (state.ready, state.held, state.reason),
        (true, true, "Installed")
    );
    assert_eq!(node.ours(), Some(config().text()));
    assert_eq!(node.names(), [CniConfig::FILE]);
    let mode = fs::metadata(node.folders.conf.join(CniConfig::FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn mends_the_file_when_somebody_changed_or_removed_it() {
    let node = Node::new();
    node.install();
    node.write(CniConfig::FILE, r#"{"name": "herald", "plugins": []}"#);
    assert!(node.install().ready);
    assert_eq!(node.ours(), Some(config().text()));
    fs::remove_file(node.folders.conf.join(CniConfig::FILE)).unwrap();
    assert!(node.install().ready);
    assert_eq!(node.ours(), Some(config().text()));
}

#[test]
fn writes_nothing_beside_another_configuration() {
    for name in ["05-cilium.conf", "10-calico.conflist", "99-other.json"] {
        let node = Node::new();
        node.write(name, r#"{"name": "other"}"#);
        let state = node.install();
        assert_eq!((state.ready, state.reason), (false, "ForeignConfiguration"));
        assert!(state.message.contains(name), "{}", state.message);
        assert_eq!(node.names(), [name]);
    }
}

#[test]
fn a_configuration_of_lo_alone_is_no_network() {
    let node = Node::new();
    node.write("99-loopback.conf", r#"{"name": "lo", "type": "loopback"}"#);
    node.write(
        "200-lo.conflist",
        r#"{"name": "lo", "plugins": [{"type": "loopback"}]}"#,
    );
    assert!(node.install().ready);
    node.write(
        "20-both.conflist",
        r#"{"plugins": [{"type": "loopback"}, {"type": "bridge"}]}"#,
    );
    assert_eq!(node.install().reason, "ForeignConfiguration");
}

#[test]
fn readme_files_are_no_configuration() {
    let node = Node::new();
    node.write("README", "hands off");
    node.write(".10-herald.conflist.tmp", "half written");
    node.write("10-calico.conflist.bak", "{}");
    assert!(node.install().ready);
}

#[test]
fn never_writes_over_a_file_that_is_not_ours() {
    for text in [r#"{"name": "mine"}"#, "no JSON", r#"["herald"]"#, ""] {
        let node = Node::new();
        node.write(CniConfig::FILE, text);
        let state = node.install();
        assert_eq!(state.reason, "ForeignConfiguration");
        assert!(!state.held && state.message.contains(CniConfig::FILE));
        assert_eq!(node.ours().as_deref(), Some(text));
    }
}

#[test]
fn ours_stays_when_another_comes_and_both_are_reported() {
    let node = Node::new();
    node.install();
    node.write("05-other.conf", r#"{"name": "other"}"#);
    let state = node.install();
    assert_eq!(
        (state.ready, state.held, state.reason),
        (false, true, "ForeignConfiguration")
    );
    assert!(state.message.contains("05-other.conf"));
    assert_eq!(node.ours(), Some(config().text()));
}

#[test]
fn waits_for_the_plugins_and_names_them() {
    let node = Node::new();
    fs::remove_file(node.folders.bin.join("portmap")).unwrap();
    node.plugin("ptp", 0o644);
    let state = node.install();
    assert_eq!(
        (state.ready, state.held, state.reason),
        (false, false, "PluginMissing")
    );
    assert!(
        state.message.starts_with("ptp, portmap are missing in "),
        "{}",
        state.message
    );
    assert_eq!(node.ours(), None);
    node.plugin("ptp", 0o755);
    // Where it leads is not mounted here.
    symlink("/nowhere/portmap", node.folders.bin.join("portmap")).unwrap();
    assert!(node.install().ready);
}

#[test]
fn a_file_that_is_there_stays_when_a_plugin_is_gone() {
    let node = Node::new();
    node.install();
    fs::remove_file(node.folders.bin.join("ptp")).unwrap();
    let state = node.install();
    assert_eq!(
        (state.ready, state.held, state.reason),
        (false, true, "PluginMissing")
    );
    assert_eq!(node.ours(), Some(config().text()));
}

#[test]
fn says_that_the_node_has_no_pod_cidr() {
    let node = Node::new();
    let state = node.reconcile(&Cni::NoPodCidr);
    assert_eq!(
        (state.applies, state.ready, state.reason),
        (true, false, "NoPodCIDR")
    );
    assert!(state.message.contains("spec.podCIDRs"));
}

#[test]
fn says_what_to_do_about_a_folder_that_is_not_there() {
    let node = Node::new();
    fs::remove_dir(&node.folders.conf).unwrap();
    let state = node.install();
    assert_eq!((state.ready, state.reason), (false, "NotWritable"));
    assert!(
        state.message.contains("deploy/herald-network.yaml"),
        "{}",
        state.message
    );
    assert_eq!(node.reconcile(&Cni::Untouched), CniState::default());
}

#[test]
fn ours_goes_only_when_another_is_there() {
    let node = Node::new();
    node.install();
    let state = node.reconcile(&Cni::Absent);
    assert_eq!((state.held, state.reason), (true, "Kept"));
    node.write("05-other.conf", r#"{"name": "other"}"#);
    assert_eq!(node.reconcile(&Cni::Absent), CniState::default());
    assert_eq!(node.names(), ["05-other.conf"]);
}

#[test]
fn hands_off_when_there_is_no_pod_network() {
    let node = Node::new();
    assert_eq!(node.reconcile(&Cni::Untouched), CniState::default());
    node.install();
    let state = node.reconcile(&Cni::Untouched);
    assert!(state.held && !state.applies);
    assert!(node.ours().is_some());
}

#[tokio::test]
async fn follows_the_plan() {
    let node = Node::new();
    let (network, network_seen) = watch::channel(Arc::<NetworkPlan>::default());
    let (state, mut state_seen) = watch::channel(CniState::default());
    let driver = tokio::spawn(run(Config {
        folders: node.folders.clone(),
        network: network_seen,
        state,
    }));
    network.send_replace(Arc::new(NetworkPlan {
        cni: Cni::Install(config()),
        ..NetworkPlan::default()
    }));
    let ready = state_seen.wait_for(|state| state.ready);
    timeout(Duration::from_secs(60), ready)
        .await
        .unwrap()
        .unwrap();
    drop(network);
    driver.await.unwrap();
    assert_eq!(node.ours(), Some(config().text()));
}
