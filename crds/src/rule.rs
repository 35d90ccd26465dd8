//! CEL rules and bounds that several fields share.
//!
//! A rule on a list's items makes the API server name the entry (`spec.addresses[2]`), which a rule on
//! the list cannot. `isIP`, `isCIDR`, `ip` and `cidr` exist in CEL since Kubernetes 1.31's compatibility
//! version.

use kube::core::{Rule, validate};
use schemars::Schema;
use serde_json::{Map, Value};

/// Longest entry of `spec.addresses`: two IPv6 addresses, a dash and two spaces.
const ADDRESS_RANGE_LENGTH: u64 = 93;
/// Longest network: an IPv6 address and its prefix length.
const NETWORK_LENGTH: u64 = 49;
/// Longest community: `large:` and three numbers.
const COMMUNITY_LENGTH: u64 = 38;
/// Longest name of an interface (IFNAMSIZ of linux/if.h without its final NUL).
const INTERFACE_LENGTH: u64 = 15;
const LABEL_LENGTH: u64 = 63;
const SUBDOMAIN_LENGTH: u64 = 253;
/// Entries of `matchLabels`.
const LABELS: u64 = 16;

/// Items that name a cluster-scoped object, each at most once.
pub(crate) fn object_names(list: &mut Schema) {
    let rule = Rule::new(OBJECT_NAME).message(
        "an object's name consists of lower-case letters, digits, '-' and '.', and starts and ends with a letter or digit; write the name that kubectl get shows",
    );
    set(list);
    items(list, SUBDOMAIN_LENGTH, &[rule]);
}

/// Items that name a namespace, each at most once.
pub(crate) fn namespaces(list: &mut Schema) {
    let rule = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message(
        "a namespace's name consists of lower-case letters, digits and '-', and starts and ends with a letter or digit; write the name that kubectl get namespaces shows",
    );
    set(list);
    items(list, LABEL_LENGTH, &[rule]);
}

/// Items that are address ranges, each at most once.
pub(crate) fn address_ranges(list: &mut Schema) {
    let first = "self.substring(0, self.indexOf('-')).trim()";
    let last = "self.substring(self.indexOf('-') + 1).trim()";
    let is_range = format!("(self.contains('-') && isIP({first}) && isIP({last}))");
    let syntax = Rule::new(format!("isCIDR(self) || {is_range}")).message(
        "an address range is a CIDR such as 10.0.0.0/24 or two addresses such as 10.0.0.5-10.0.0.9; write a single address as 10.0.0.1/32 or 2001:db8::1/128",
    );
    let family = Rule::new(format!(
        "!{is_range} || ip({first}).family() == ip({last}).family()"
    ))
    .message("both ends of a range must be IPv4 or both IPv6; write one entry per family");
    let unicast = Rule::new(format!(
        "isCIDR(self) ? cidr(self).masked().ip().isGlobalUnicast() : !{is_range} || (ip({first}).isGlobalUnicast() && ip({last}).isGlobalUnicast())"
    ))
    .message(
        "a pool must not begin or end with an unspecified, loopback, link-local, multicast or broadcast address, which no router forwards to a Service; use a range of your own network",
    );
    set(list);
    items(list, ADDRESS_RANGE_LENGTH, &[syntax, family, unicast]);
}

/// Items that are ranges of pod addresses, each at most once.
pub(crate) fn pod_networks(list: &mut Schema) {
    let part = Rule::new("!isCIDR(self) || cidr(self).prefixLength() > 0").message(
        "a pod range is not the whole address space; write the cluster's range, such as 10.244.0.0/16",
    );
    network_items(list, &[part]);
}

/// Items that are networks, each at most once.
pub(crate) fn networks(list: &mut Schema) {
    network_items(list, &[]);
}

fn network_items(list: &mut Schema, rules: &[Rule]) {
    let syntax = Rule::new("isCIDR(self)").message(
        "a network is written as a CIDR such as 10.244.0.0/16 or fd00:10:244::/56; correct the entry",
    );
    let masked = Rule::new("!isCIDR(self) || cidr(self) == cidr(self).masked()").message(
        "a network has no bits set behind its prefix length; write its first address, such as 10.244.0.0/16",
    );
    set(list);
    items(list, NETWORK_LENGTH, &[&[syntax, masked], rules].concat());
}

/// Items that are names of interfaces or patterns of such, each at most once.
pub(crate) fn interface_patterns(list: &mut Schema) {
    let rule = Rule::new("self.matches('^[^/:[:space:]]{1,15}$')").message(
        "an interface is a name of 1 to 15 characters without '/', ':' and blanks, or a pattern with * (any text) and ? (one character) such as eth*; write a name that ip link shows",
    );
    set(list);
    items(list, INTERFACE_LENGTH, &[rule]);
}

/// Items that are BGP communities or names of such, each at most once.
pub(crate) fn communities(list: &mut Schema) {
    let syntax = Rule::new(format!(
        "{} || self.matches('^{COMMUNITY_NAME}$')",
        is_community()
    ))
    .message(
        "a community is written as 65000:1, large:65000:1:2, extended:rt:65000:1, extended:soo:65000:1, a well-known name such as no-export, or a name of a Community; correct the entry",
    );
    set(list);
    items(list, COMMUNITY_LENGTH, &[syntax, community_range()]);
}

/// A field that is a BGP community.
pub(crate) fn community(field: &mut Schema) {
    let syntax = Rule::new(is_community()).message(
        "a community is written as 65000:1, large:65000:1:2, extended:rt:65000:1, extended:soo:65000:1 or a well-known name such as no-export; correct the value",
    );
    add(field, syntax);
    add(field, community_range());
}

/// A field that names a community.
pub(crate) fn community_name(field: &mut Schema) {
    let syntax = Rule::new(format!("self.matches('^{COMMUNITY_NAME}$')")).message(
        "a name of a community is a letter, then letters, digits, '-', '_' and '.', without ':'; correct the name",
    );
    let free = Rule::new(format!("!self.matches('^({WELL_KNOWN})$')")).message(
        "this name is that of a well-known community and cannot stand for another; choose another name",
    );
    add(field, syntax);
    add(field, free);
}

const COMMUNITY_NAME: &str = "[A-Za-z]([-A-Za-z0-9_.]*[A-Za-z0-9])?";
const COMMUNITY_NUMBER: &str = "[0-9]{1,10}";
const WELL_KNOWN: &str = "no-export|no-advertise|no-export-subconfed|graceful-shutdown|blackhole";

fn is_community() -> String {
    let number = COMMUNITY_NUMBER;
    format!(
        "self.matches('^({number}:{number}|large:{number}:{number}:{number}|extended:(rt|soo):{number}:{number}|{WELL_KNOWN})$')"
    )
}

fn community_range() -> Rule {
    let number = COMMUNITY_NUMBER;
    let limit = "(self.matches('^[0-9]') ? 65535 : 4294967295)";
    let parts =
        format!("self.split(':').all(part, !part.matches('^{number}$') || int(part) <= {limit})");
    let extended = format!(
        "(!self.matches('^extended:[a-z]+:{number}:{number}$') || int(self.split(':')[2]) <= 65535 || int(self.split(':')[3]) <= 65535)"
    );
    Rule::new(format!("{parts} && {extended}")).message(
        "a number of a community is too large: at most 65535 in 65000:1, at most 4294967295 in large:65000:1:2 and extended:rt:65000:1, where only one of the two may be above 65535; correct the number",
    )
}

/// Items that the status shows, whatever they are.
pub(crate) fn strings(list: &mut Schema) {
    items(list, SUBDOMAIN_LENGTH, &[]);
}

/// Values of one requirement of a label selector.
pub(crate) fn label_values(list: &mut Schema) {
    items(list, LABEL_LENGTH, &[label_value()]);
}

/// A map of label keys to label values.
pub(crate) fn labels(map: &mut Schema) {
    let keys = Rule::new(format!("self.all(key, {})", label_key("key"))).message(
        "a label key is a name of at most 63 letters, digits, '-', '_' and '.', optionally after a DNS prefix and '/', such as example.com/rack; correct the key",
    );
    add(map, keys);
    let map = map.ensure_object();
    map.insert("maxProperties".into(), LABELS.into());
    let mut value = bounded_string(LABEL_LENGTH);
    add(&mut value, label_value());
    map.insert("additionalProperties".into(), value.to_value());
}

/// The rule for a field that is a label key.
pub(crate) fn is_label_key() -> Rule {
    Rule::new(label_key("self")).message(
        "a label key is a name of at most 63 letters, digits, '-', '_' and '.', optionally after a DNS prefix and '/', such as example.com/rack; correct the key",
    )
}

/// The rule for an AS number; its range is in the schema.
pub(crate) fn is_usable_asn() -> Rule {
    Rule::new("self != 23456 && self != 65535").message(
        "AS numbers 23456 (RFC 6793) and 65535 (RFC 7300) are reserved; use the number that your network gives to this side",
    )
}

/// The rule for an address that an interface of the node has, and that is the same on every link.
pub(crate) fn is_own_address() -> Rule {
    Rule::new(
        "isIP(self) && !ip(self).isUnspecified() && self != '255.255.255.255' && !cidr('224.0.0.0/4').containsIP(ip(self)) && !cidr('ff00::/8').containsIP(ip(self)) && !cidr('fe80::/10').containsIP(ip(self))",
    )
    .message(
        "sourceAddress must be one unicast IPv4 or IPv6 address without prefix length or zone, and not link-local; write an address of the node, or leave it out",
    )
}

/// Whether the expression can be our end of a session with `self.peerAddress`. What is no address has rules of its own.
pub(crate) fn is_other_end(expression: &str) -> String {
    format!(
        "!isIP({expression}) || !has(self.peerAddress) || !isIP(self.peerAddress) || (ip({expression}).family() == ip(self.peerAddress).family() && {expression} != self.peerAddress)"
    )
}

/// The rule for a BGP identifier.
pub(crate) fn is_router_id() -> Rule {
    Rule::new("isIP(self) && ip(self).family() == 4 && !ip(self).isUnspecified()").message(
        "routerID must be written as an IPv4 address other than 0.0.0.0, such as 192.0.2.10; correct it, or leave it out to use the node's address",
    )
}

/// Whether `self` has the syntax of an object's name.
pub(crate) const OBJECT_NAME: &str =
    "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')";

/// Whether the expression is a duration in whole seconds, such as `90s` or `1m30s`.
pub(crate) fn is_whole_seconds(expression: &str) -> String {
    format!("{expression}.matches('^([0-9]{{1,5}}[hms]){{1,3}}$')")
}

fn label_key(expression: &str) -> String {
    let name = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
    let prefix = "[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
    format!("{expression}.matches('^({prefix}/)?{name}$')")
}

fn label_value() -> Rule {
    Rule::new("self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$')").message(
        "a label value consists of letters, digits, '-', '_' and '.', and starts and ends with a letter or digit; correct the value",
    )
}

fn items(list: &mut Schema, max_length: u64, rules: &[Rule]) {
    let mut item = bounded_string(max_length);
    for rule in rules {
        add(&mut item, rule.clone());
    }
    list.insert("items".into(), item.to_value());
}

fn bounded_string(max_length: u64) -> Schema {
    let mut string = Map::new();
    string.insert("type".into(), "string".into());
    string.insert("maxLength".into(), max_length.into());
    Schema::from(string)
}

fn set(list: &mut Schema) {
    list.insert("x-kubernetes-list-type".into(), Value::from("set"));
}

/// As [`validate`], whose only error is a rule that does not become JSON: strings always do.
fn add(schema: &mut Schema, rule: Rule) {
    let added = validate(schema, rule);
    debug_assert!(added.is_ok(), "a rule is made of strings");
}
