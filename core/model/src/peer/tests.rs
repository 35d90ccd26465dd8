use alloc::{
    format,
    string::{String, ToString},
};

use bgp::{Excess, ImportRule, Prefix};

use super::*;

fn parse(more: &str) -> Result<Peer, String> {
    let defaults = [
        ("myASN", "64512"),
        ("peerASN", "64513"),
        ("peerAddress", "10.0.0.1"),
    ];
    let missing = defaults.iter().filter(|(key, _)| {
        // What overrides have is not the peer's own.
        let more = more.split("nodeOverrides").next().unwrap_or_default();
        !more.contains(key) && (*key != "peerASN" || !more.contains("dynamicASN"))
    });
    let base: String = missing
        .map(|(key, value)| format!("{key}: {value}, "))
        .collect();
    let more = more
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'))
        .unwrap_or(more);
    let spec = serde_yaml_ng::from_str(&format!("{{{base}{more}}}")).unwrap();
    Peer::parse(&crds::BGPPeer::new("a", spec))
        .value
        .map_err(|rejection| rejection.to_string())
}

#[test]
fn has_the_documented_defaults() {
    let address = "10.0.0.1".parse().unwrap();
    let expected = Peer::new([Asn(64512), Asn(64513)], address);
    assert_eq!(parse(""), Ok(expected));
}

#[test]
fn reads_every_field() {
    let peer = parse(
        "{peerAddress: 'fd00::1', peerPort: 1179, routerID: 10.9.9.9, holdTime: 1m30s, \
         keepaliveTime: 10s, connectTime: 2s, gracefulRestartTime: 2m, \
         gracefulRestartNotification: true, nodeSelectors: [{matchLabels: {a: b}}], \
         passwordSecret: {name: s}, ebgpMultiHop: true, ebgpMultiHopTTL: 3, families: [IPv6], \
         passive: true, myASN: 1, peerASN: 4294967294}",
    )
    .unwrap();
    assert_eq!(peer.place.to_string(), "fd00::1");
    assert_eq!(
        (peer.port, peer.router_id.unwrap().to_string()),
        (1179, "10.9.9.9".into())
    );
    assert_eq!(peer.hold_time.seconds(), 90);
    assert_eq!(peer.keepalive_time, Some(Duration::from_secs(10)));
    assert_eq!(peer.connect_time, Some(Duration::from_secs(2)));
    assert_eq!(
        (peer.password_secret.as_deref(), peer.multi_hop_ttl),
        (Some("s"), Some(3))
    );
    assert_eq!(
        peer.families,
        Families {
            ipv4: false,
            ipv6: true
        }
    );
    let restart = GracefulRestart {
        restart_time: Duration::from_secs(120),
        notification: true,
    };
    assert_eq!(peer.graceful_restart, Some(restart));
    assert!(peer.passive && peer.nodes.0.len() == 1);
}

#[test]
fn graceful_restart_is_on_until_it_is_switched_off() {
    let restart = |more| parse(more).unwrap().graceful_restart;
    let by_default = restart("").unwrap();
    assert_eq!(by_default.restart_time, Duration::from_secs(30));
    assert!(!by_default.notification);
    assert_eq!(restart("enableGracefulRestart: false"), None);
}

#[test]
fn the_peers_as_is_a_number_or_left_to_the_peer_and_never_both_or_neither() {
    for (more, expected) in [
        ("peerASN: 7", RemoteAsn::Fixed(Asn(7))),
        ("dynamicASN: internal", RemoteAsn::Internal),
        ("dynamicASN: external", RemoteAsn::External),
    ] {
        assert_eq!(parse(more).unwrap().remote_asn, expected);
    }
    for more in ["{peerASN: 7, dynamicASN: external}", "peerASN: null"] {
        let sentence = parse(more).unwrap_err();
        assert!(sentence.starts_with("spec.peerASN: it "), "{sentence}");
    }
}

#[test]
fn the_source_is_another_address_of_the_peers_family() {
    let peer = parse("sourceAddress: 10.0.0.7").unwrap();
    assert_eq!(peer.source, Some("10.0.0.7".parse().unwrap()));
    for more in [
        "sourceAddress: 10.0.0.1",
        "sourceAddress: 'fd00::7'",
        "sourceAddress: 0.0.0.0",
        "sourceAddress: '224.0.0.5'",
        "sourceAddress: lo",
        "{peerAddress: 'fd00::1', sourceAddress: 'fe80::1'}",
    ] {
        let sentence = parse(more).unwrap_err();
        assert!(sentence.starts_with("spec.sourceAddress: "), "{sentence}");
    }
}

#[test]
fn the_hops_of_ttl_security_are_1_to_254_and_exclude_multihop() {
    for (more, hops) in [("ttlSecurityHops: 1", 1), ("ttlSecurityHops: 254", 254)] {
        assert_eq!(parse(more).unwrap().ttl_security_hops, Some(hops));
    }
    for more in [
        "ttlSecurityHops: 0",
        "ttlSecurityHops: 255",
        "ttlSecurityHops: -1",
        "{ttlSecurityHops: 1, ebgpMultiHop: true}",
    ] {
        let sentence = parse(more).unwrap_err();
        assert!(sentence.starts_with("spec.ttlSecurityHops: "), "{sentence}");
    }
}

#[test]
fn the_first_override_that_selects_a_node_counts_there() {
    let peer = parse(
        "{routerID: 1.1.1.1, nodeOverrides: [\
         {nodeSelector: {matchLabels: {rack: a}}, myASN: 7, sourceAddress: 10.0.0.7}, \
         {nodeSelector: {}, routerID: 2.2.2.2}]}",
    )
    .unwrap();
    let on = |rack: &str| {
        let there = peer.on(&[("rack".to_string(), rack.to_string())].into());
        assert!(there.overrides.is_empty());
        let source = there.source.map(|source| source.to_string());
        let id = there.router_id.unwrap().to_string();
        (there.my_asn.0, source.unwrap_or_default(), id)
    };
    assert_eq!(on("a"), (7, "10.0.0.7".into(), "1.1.1.1".into()));
    assert_eq!(on("b"), (64512, String::new(), "2.2.2.2".into()));
}

#[test]
fn refuses_an_override_naming_entry_and_field() {
    for (entry, field) in [
        ("{nodeSelector: {}}", ": "),
        ("{nodeSelector: {}, myASN: 0}", ".myASN: "),
        ("{nodeSelector: {}, routerID: x}", ".routerID: "),
        (
            "{nodeSelector: {}, sourceAddress: 'fd00::7'}",
            ".sourceAddress: ",
        ),
        (
            "{nodeSelector: {matchExpressions: [{key: a, operator: In}]}, myASN: 7}",
            ".nodeSelector.",
        ),
    ] {
        let good = "{nodeSelector: {}, routerID: 2.2.2.2}";
        let sentence = parse(&format!("{{nodeOverrides: [{good}, {entry}]}}")).unwrap_err();
        let expected = format!("spec.nodeOverrides[1]{field}");
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}

fn rule(prefix: &str, shortest: u8, longest: u8) -> ImportRule {
    let prefix: Prefix = prefix.parse().unwrap();
    ImportRule::of_lengths(prefix, shortest, longest).unwrap()
}

#[test]
fn nothing_is_accepted_of_a_peer_without_import() {
    let import = parse("").unwrap().import;
    assert!(import.is_closed());
}

#[test]
fn lengths_mean_what_they_mean_in_the_prefix_lists_of_routers() {
    let import = parse(
        "import: {prefixes: [{cidr: 10.0.0.0/8}, {cidr: 10.0.0.0/8, ge: 16}, {cidr: 10.0.0.0/8, le: 24}, \
         {cidr: 'fd00::/8', ge: 48, le: 64}, {cidr: 0.0.0.0/0}, {cidr: '::/0', ge: 1}]}",
    )
    .unwrap()
    .import;
    let expected = [
        rule("10.0.0.0/8", 8, 8),
        rule("10.0.0.0/8", 16, 32),
        rule("10.0.0.0/8", 8, 24),
        rule("fd00::/8", 48, 64),
        rule("0.0.0.0/0", 0, 0),
        rule("::/0", 1, 128),
    ];
    assert_eq!(import.rules, expected);
    assert_eq!(
        (import.max_prefixes, import.excess),
        (10_000, Excess::Ignore)
    );
    let installs = import.installs(&"0.0.0.0/0".parse().unwrap());
    assert!(installs, "the default route is named exactly");
}

#[test]
fn reads_every_field_of_import() {
    let import = parse(
        "import: {prefixes: [{cidr: 10.0.0.0/8, le: 32}], maxPrefixes: 7, maxPrefixAction: Cease, allowOwnASN: 2, \
         install: false}",
    )
    .unwrap()
    .import;
    let mut expected = rule("10.0.0.0/8", 8, 32);
    (expected.allow_own_asn, expected.install) = (2, false);
    assert_eq!(import.rules, [expected]);
    assert_eq!((import.max_prefixes, import.excess), (7, Excess::Cease));
}

#[test]
fn refuses_what_no_prefix_can_match_naming_entry_and_field() {
    for (entry, field) in [
        ("{cidr: 10.0.0.0}", "cidr: "),
        ("{cidr: 10.0.0.1/8}", "cidr: "),
        ("{cidr: 10.0.0.0/33}", "cidr: "),
        ("{cidr: 10.0.0.0/8, ge: 7}", "ge: "),
        ("{cidr: 10.0.0.0/8, ge: -1}", "ge: "),
        ("{cidr: 10.0.0.0/8, ge: 24, le: 16}", "ge: "),
        ("{cidr: 10.0.0.0/8, le: 7}", "le: "),
        ("{cidr: 10.0.0.0/8, le: 33}", "le: "),
        ("{cidr: 'fd00::/8', le: 129}", "le: "),
        ("{cidr: 'fd00::/8', le: 300}", "le: "),
    ] {
        let good = "{cidr: 10.0.0.0/8}";
        let sentence = parse(&format!("import: {{prefixes: [{good}, {entry}]}}")).unwrap_err();
        let expected = format!("spec.import.prefixes[1].{field}");
        assert!(sentence.starts_with(&expected), "{entry}: {sentence}");
    }
    let good = "prefixes: [{cidr: 10.0.0.0/8}]";
    for (more, field) in [
        ("prefixes: []".to_string(), "prefixes"),
        (format!("{good}, maxPrefixes: 0"), "maxPrefixes"),
        (format!("{good}, maxPrefixes: 1000001"), "maxPrefixes"),
        (format!("{good}, allowOwnASN: 11"), "allowOwnASN"),
        (format!("{good}, allowOwnASN: -1"), "allowOwnASN"),
    ] {
        let sentence = parse(&format!("import: {{{more}}}")).unwrap_err();
        let expected = format!("spec.import.{field}: ");
        assert!(sentence.starts_with(&expected), "{more}: {sentence}");
    }
}

#[test]
fn accepts_values_at_the_edges() {
    for more in [
        "holdTime: 0s",
        "holdTime: 3s",
        "holdTime: 65535s",
        "{holdTime: 0s, keepaliveTime: 0s}",
        "{holdTime: 3s, keepaliveTime: 1s}",
        "connectTime: 65535s",
        "peerAddress: 127.0.0.1",
        "families: [IPv6, IPv4]",
        "{ebgpMultiHop: true, ebgpMultiHopTTL: 255}",
        "peerPort: 65535",
        "gracefulRestartTime: 1s",
        "gracefulRestartTime: 4095s",
        "enableGracefulRestart: false",
        "import: {prefixes: [{cidr: 10.0.0.0/8, ge: 8, le: 8}, {cidr: 10.0.0.1/32}]}",
        "import: {prefixes: [{cidr: '::/0', ge: 0, le: 128}], maxPrefixes: 1000000, allowOwnASN: 10}",
    ] {
        parse(more).unwrap();
    }
}

#[test]
fn refuses_bad_values_naming_the_field() {
    for (more, field) in [
        ("myASN: 0", "spec.myASN"),
        ("myASN: 23456", "spec.myASN"),
        ("peerASN: 65535", "spec.peerASN"),
        ("peerASN: 4294967295", "spec.peerASN"),
        ("peerASN: -1", "spec.peerASN"),
        ("peerAddress: router.example", "spec.peerAddress"),
        ("peerAddress: 0.0.0.0", "spec.peerAddress"),
        ("peerAddress: 224.0.0.5", "spec.peerAddress"),
        ("peerAddress: 255.255.255.255", "spec.peerAddress"),
        ("peerAddress: '::'", "spec.peerAddress"),
        ("peerAddress: 'fe80::1'", "spec.peerAddress"),
        ("peerAddress: '::ffff:10.0.0.1'", "spec.peerAddress"),
        ("peerPort: 0", "spec.peerPort"),
        ("peerPort: 65536", "spec.peerPort"),
        ("routerID: 0.0.0.0", "spec.routerID"),
        ("routerID: 'fd00::1'", "spec.routerID"),
        ("holdTime: 2s", "spec.holdTime"),
        ("holdTime: 3.5s", "spec.holdTime"),
        ("holdTime: 65536s", "spec.holdTime"),
        ("holdTime: '90'", "spec.holdTime"),
        ("keepaliveTime: 90s", "spec.keepaliveTime"),
        ("keepaliveTime: 500ms", "spec.keepaliveTime"),
        ("{holdTime: 0s, keepaliveTime: 3s}", "spec.keepaliveTime"),
        ("connectTime: 0s", "spec.connectTime"),
        ("gracefulRestartTime: 0s", "spec.gracefulRestartTime"),
        ("gracefulRestartTime: 4096s", "spec.gracefulRestartTime"),
        ("gracefulRestartTime: 1500ms", "spec.gracefulRestartTime"),
        (
            "{enableGracefulRestart: false, gracefulRestartTime: 30s}",
            "spec.enableGracefulRestart",
        ),
        (
            "{enableGracefulRestart: false, gracefulRestartNotification: true}",
            "spec.enableGracefulRestart",
        ),
        ("connectTime: 24h", "spec.connectTime"),
        ("passwordSecret: {name: ''}", "spec.passwordSecret.name"),
        ("ebgpMultiHopTTL: 3", "spec.ebgpMultiHopTTL"),
        (
            "{ebgpMultiHop: true, ebgpMultiHopTTL: 0}",
            "spec.ebgpMultiHopTTL",
        ),
        (
            "{ebgpMultiHop: true, ebgpMultiHopTTL: 256}",
            "spec.ebgpMultiHopTTL",
        ),
        ("families: [IPv4, IPv4]", "spec.families"),
        (
            "nodeSelectors: [{matchExpressions: [{key: a, operator: In}]}]",
            "spec.nodeSelectors[0]",
        ),
    ] {
        let sentence = parse(more).unwrap_err();
        assert!(sentence.starts_with(field), "{more}: {sentence}");
    }
}

fn unnumbered(more: &str) -> Result<Peer, String> {
    let spec = format!("{{myASN: 64512, dynamicASN: external, {more}}}");
    let spec = serde_yaml_ng::from_str(&spec).unwrap();
    let parsed = Peer::parse(&crds::BGPPeer::new("a", spec)).value;
    parsed.map_err(|rejection| rejection.to_string())
}

#[test]
fn a_peer_is_at_an_address_or_on_an_interface() {
    let peer = unnumbered("interface: eth0, ttlSecurityHops: 1").unwrap();
    assert_eq!(peer.place, Place::Interface("eth0".into()));
    assert_eq!(peer.place.address(), None);
    for (more, sentence) in [
        (
            "",
            "spec.peerAddress: it is missing, and so is interface; set either",
        ),
        (
            "interface: eth0, peerAddress: 10.0.0.1",
            "spec.peerAddress: it excludes interface; set either",
        ),
        (
            "interface: ''",
            "spec.interface: \"\" is no name of an interface; write",
        ),
        (
            "interface: a-name-too-long0",
            "spec.interface: \"a-name-too-long0\" is no name",
        ),
        (
            "interface: 'eth0%1'",
            "spec.interface: \"eth0%1\" is no name",
        ),
        ("interface: 'eth 0'", "spec.interface: \"eth 0\" is no name"),
        ("interface: '..'", "spec.interface: \"..\" is no name"),
        (
            "interface: eth0, ebgpMultiHop: true",
            "spec.interface: it excludes ebgpMultiHop and sourceAddress; leave them out",
        ),
        (
            "interface: eth0, sourceAddress: 10.0.0.1",
            "spec.interface: it excludes ebgpMultiHop and sourceAddress; leave them out",
        ),
        (
            "interface: eth0, nodeOverrides: [{nodeSelector: {}, sourceAddress: 10.0.0.1}]",
            "spec.interface: it excludes ebgpMultiHop and sourceAddress; leave them out",
        ),
    ] {
        let found = unnumbered(more).unwrap_err();
        assert!(found.starts_with(sentence), "{more}: {found}");
    }
}

#[test]
fn says_rule_and_remedy_in_one_sentence() {
    assert_eq!(
        parse("{holdTime: 6s, keepaliveTime: 6s}").unwrap_err(),
        "spec.keepaliveTime: \"6s\" is not between 1s and the hold time of 6s; use at most a third of \
         holdTime"
    );
}
