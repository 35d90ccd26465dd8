//! Whatever happens in whatever order: running only what changed ends where running everything would.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use bgp::RemoteAsn;
use l2::InterfaceFilter;
use model::{
    BfdProfile, Change, Communities, CommunityList, CommunityNames, EndpointState, Kind,
    L2Advertisement, LinkBandwidth, LoopPrevention, Object, Parsed, PodNetworkMode, Preference,
    Selectors, ServiceKey, StatusOwner, Timestamp,
};
use plan::{GIVE_WAY, GateMode, LISTS_WITHIN, Outcome, Plan};
use proptest::prelude::*;

use crate::fixture::*;

/// One thing that happens; small numbers, so that objects meet.
#[derive(Clone, Debug)]
enum Step {
    Service {
        service: u8,
        addresses: Vec<u8>,
        local: bool,
        foreign: bool,
        since: i64,
    },
    Endpoints {
        service: u8,
        endpoints: Vec<(u8, u8)>,
    },
    Pool {
        pool: u8,
        first: u8,
    },
    Advertisement {
        advertisement: u8,
        pool: Option<u8>,
        peer: Option<u8>,
        loop_prevention: LoopPrevention,
        words: Words,
    },
    /// Names are always defined: what they stood for when they last were is history, which a restart forgets.
    Community {
        name: u8,
        value: u8,
    },
    L2Advertisement {
        advertisement: u8,
        pool: Option<u8>,
        here: bool,
        interface: u8,
        weight: u8,
    },
    HeartbeatKeys {
        octet: u8,
    },
    Peer {
        peer: u8,
        address: u8,
        password: bool,
        bfd: bool,
        internal: bool,
    },
    Secret {
        there: bool,
    },
    BfdProfile {
        multiplier: u8,
        there: bool,
    },
    Links {
        up: bool,
    },
    Learned {
        third: u8,
        last: u8,
    },
    PodNetwork {
        mode: PodNetworkMode,
        peer: Option<u8>,
    },
    OtherNode {
        number: u8,
        there: bool,
    },
    Node {
        excluded: bool,
        network_unavailable: bool,
        marked_for_drain: bool,
    },
    Reject {
        kind: u8,
        object: u8,
    },
    Delete {
        kind: u8,
        object: u8,
    },
    RelistServices {
        kept: Vec<u8>,
    },
    Settle,
    Probes {
        outcome: u8,
    },
}

/// What an advertisement's routes say.
#[derive(Clone, Debug)]
struct Words {
    created: i64,
    local_pref: Option<u32>,
    med: Option<u32>,
    prepend: u8,
    communities: Vec<u8>,
    weighted: bool,
    length: u8,
}

fn words() -> impl Strategy<Value = Words> {
    let communities = prop::collection::vec(0..3_u8, 0..3);
    let local_pref = prop::option::of(99..102_u32);
    (
        0..2_i64,
        local_pref,
        prop::option::of(0..2_u32),
        0..2_u8,
        communities,
        any::<bool>(),
        prop::sample::select([32, 32, 31, 29].as_slice()),
    )
        .prop_map(
            |(created, local_pref, med, prepend, communities, weighted, length)| Words {
                created,
                local_pref,
                med,
                prepend,
                communities,
                weighted,
                length,
            },
        )
}

fn community(name: u8, value: u8) -> Object {
    let names = CommunityNames::from([(
        format!("name-{name}").into(),
        written(&format!("65000:{value}")),
    )]);
    Object::Community(accepted(&format!("{name}"), names))
}

/// Every name that a step can use.
fn defined() -> Vec<Change> {
    (0..3)
        .map(|name| Change::Apply(community(name, name)))
        .collect()
}

fn written(text: &str) -> Communities {
    CommunityList::parse("", &[text.to_string()])
        .unwrap()
        .written
}

fn step() -> impl Strategy<Value = Step> {
    let addresses = prop::collection::vec(0..6_u8, 0..3);
    let endpoints = prop::collection::vec((0..3_u8, 0..3_u8), 0..3);
    prop_oneof![
        4 => (0..4_u8, addresses, any::<bool>(), prop::bool::weighted(0.1), 0..3_i64).prop_map(
            |(service, addresses, local, foreign, since)| Step::Service {
                service, addresses, local, foreign, since
            }
        ),
        4 => (0..4_u8, endpoints)
            .prop_map(|(service, endpoints)| Step::Endpoints { service, endpoints }),
        1 => (0..2_u8, 0..6_u8).prop_map(|(pool, first)| Step::Pool { pool, first }),
        2 => (0..3_u8, prop::option::of(0..2_u8), prop::option::of(0..2_u8), loop_prevention(), words()).prop_map(
            |(advertisement, pool, peer, loop_prevention, words)| Step::Advertisement {
                advertisement, pool, peer, loop_prevention, words
            }
        ),
        1 => (0..3_u8, 0..3_u8).prop_map(|(name, value)| Step::Community { name, value }),
        1 => (0..2_u8, prop::option::of(0..2_u8), prop::bool::weighted(0.8), 0..2_u8, 1..3_u8).prop_map(
            |(advertisement, pool, here, interface, weight)| Step::L2Advertisement {
                advertisement, pool, here, interface, weight
            }
        ),
        1 => (0..3_u8).prop_map(|octet| Step::HeartbeatKeys { octet }),
        1 => any::<bool>().prop_map(|up| Step::Links { up }),
        1 => (1..4_u8, 0..4_u8).prop_map(|(third, last)| Step::Learned { third, last }),
        1 => (mode(), prop::option::of(0..2_u8)).prop_map(|(mode, peer)| Step::PodNetwork { mode, peer }),
        1 => (2..4_u8, any::<bool>()).prop_map(|(number, there)| Step::OtherNode { number, there }),
        1 => (0..2_u8, 0..2_u8, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(peer, address, password, bfd, internal)| Step::Peer {
                peer, address, password, bfd, internal
            }
        ),
        1 => (2..4_u8, any::<bool>())
            .prop_map(|(multiplier, there)| Step::BfdProfile { multiplier, there }),
        1 => any::<bool>().prop_map(|there| Step::Secret { there }),
        1 => (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(excluded, network_unavailable, marked_for_drain)| Step::Node {
                excluded, network_unavailable, marked_for_drain
            }
        ),
        1 => (0..4_u8, 0..2_u8).prop_map(|(kind, object)| Step::Reject { kind, object }),
        2 => (0..8_u8, 0..4_u8).prop_map(|(kind, object)| Step::Delete { kind, object }),
        1 => prop::collection::vec(0..4_u8, 0..4).prop_map(|kept| Step::RelistServices { kept }),
        4 => Just(Step::Settle),
        2 => (0..3_u8).prop_map(|outcome| Step::Probes { outcome }),
    ]
}

fn loop_prevention() -> impl Strategy<Value = LoopPrevention> {
    use LoopPrevention::{Disabled, Drop, Reject};
    prop::sample::select([Reject, Drop, Disabled].as_slice())
}

fn mode() -> impl Strategy<Value = PodNetworkMode> {
    prop::sample::select([PodNetworkMode::Advertise, PodNetworkMode::Network].as_slice())
}

fn address(index: u8) -> String {
    match index {
        0..4 => format!("10.0.0.{index}"),
        _ => format!("2001:db8::{index}"),
    }
}

/// With the first address of each family, as the parser leaves it.
fn make_service(index: u8, addresses: &[u8], is_local: bool) -> model::Service {
    let first = |is_four: fn(u8) -> bool| addresses.iter().find(move |index| is_four(**index));
    let addresses = first(|index| index < 4)
        .into_iter()
        .chain(first(|index| index >= 4));
    let addresses: Vec<String> = addresses.map(|index| address(*index)).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let name = format!("service-{index}");
    match is_local {
        true => local(&name, &addresses),
        false => service(&name, &addresses),
    }
}

fn make_slice(index: u8, endpoints: &[(u8, u8)]) -> model::EndpointSlice {
    let endpoints: Vec<_> = endpoints
        .iter()
        .enumerate()
        .map(|(number, (node, state))| {
            let node = [NODE, "node-2", ""][usize::from(*node)];
            let state = [
                EndpointState::Ready,
                EndpointState::ServingTerminating,
                EndpointState::Unusable,
            ][usize::from(*state)];
            (format!("10.1.0.{number}"), node, state)
        })
        .collect();
    let endpoints: Vec<_> = endpoints
        .iter()
        .map(|(a, n, s)| (a.as_str(), *n, *s))
        .collect();
    slice(&format!("service-{index}"), &endpoints)
}

/// The change that a step stands for; `None` for those that are no change of an object.
fn change(step: &Step) -> Option<Change> {
    let object = match step {
        Step::Service {
            service,
            addresses,
            local,
            foreign,
            since,
        } => {
            let mut made = assigned_since(make_service(*service, addresses, *local), *since);
            if *foreign {
                made.status_owner = StatusOwner::Foreign;
            }
            Object::Service(made)
        }
        Step::Endpoints { service, endpoints } => {
            Object::EndpointSlice(make_slice(*service, endpoints))
        }
        Step::Pool { pool: index, first } => Object::Pool(pool(
            &format!("{index}"),
            &format!("10.0.0.{first}"),
            "10.0.0.6",
        )),
        Step::Advertisement {
            advertisement: index,
            pool,
            peer,
            loop_prevention,
            words,
        } => {
            let mut made = advertisement(&format!("{index}"));
            made.meta.created = Timestamp(words.created);
            let value = made.value.as_mut().unwrap();
            value.selection.pools = pool.iter().map(|index| format!("{index}").into()).collect();
            value.peers = peer.iter().map(|index| format!("{index}").into()).collect();
            value.loop_prevention = *loop_prevention;
            (value.local_pref, value.med) = (words.local_pref, words.med);
            value.as_path_prepend = words.prepend;
            value.aggregation.ipv4 = words.length;
            value.aggregation.ipv6 = words.length + 96;
            if words.weighted {
                value.link_bandwidth = LinkBandwidth::LocalEndpoints;
            }
            let names = words
                .communities
                .iter()
                .map(|name| format!("name-{name}").into());
            value.communities.names = names.collect();
            Object::Advertisement(made)
        }
        Step::L2Advertisement {
            advertisement: index,
            pool,
            here,
            interface,
            weight,
        } => Object::L2Advertisement(make_l2_advertisement(
            *index,
            *pool,
            *here,
            (*interface, *weight),
        )),
        Step::Community { name, value } => community(*name, *value),
        Step::HeartbeatKeys { octet } => {
            Object::HeartbeatKeys(Ok(vec![l2::Key::new([*octet; 32])]))
        }
        Step::PodNetwork { mode, peer } => {
            let mut made = pod_network(*mode);
            let value = made.value.as_mut().unwrap();
            value.peers = peer.iter().map(|index| format!("{index}").into()).collect();
            made.value.as_mut().unwrap().bfd_profile = peer.map(|_| "fast".into());
            Object::PodNetwork(made)
        }
        Step::OtherNode {
            number,
            there: true,
        } => Object::Node(routed_node(*number)),
        Step::OtherNode { number, .. } => {
            let key = ServiceKey::new("", format!("node-{number}").as_str());
            return Some(Change::Delete(Kind::Node, key));
        }
        Step::Peer {
            peer: index,
            address,
            password,
            bfd,
            internal,
        } => {
            let mut made = peer(&format!("{index}"), &format!("192.0.2.1{address}"));
            let value = made.value.as_mut().unwrap();
            value.password_secret = password.then(|| "md5".into());
            value.bfd_profile = bfd.then(|| "fast".into());
            if *bfd {
                value.import = bgp::Import::within([prefix("10.0.0.0/8")], 100);
            }
            if *internal {
                value.remote_asn = RemoteAsn::Fixed(value.my_asn);
            }
            Object::Peer(made)
        }
        Step::Secret { there: true } => secret("md5", "password"),
        Step::BfdProfile {
            multiplier,
            there: true,
        } => Object::BfdProfile(bfd_profile(*multiplier)),
        Step::BfdProfile { .. } => {
            let key = ServiceKey::new("", "fast");
            return Some(Change::Delete(Kind::BfdProfile, key));
        }
        Step::Secret { there: false } => {
            return Some(Change::Delete(Kind::Secret, ServiceKey::new("", "md5")));
        }
        Step::Node {
            excluded,
            network_unavailable,
            marked_for_drain,
        } => {
            let label = (
                "node.kubernetes.io/exclude-from-external-load-balancers",
                "",
            );
            let mut made = node(if *excluded {
                std::slice::from_ref(&label)
            } else {
                &[]
            });
            made.network_unavailable = *network_unavailable;
            made.marked_for_drain = *marked_for_drain;
            made.pod_cidrs = routed_node(1).pod_cidrs;
            Object::Node(made)
        }
        Step::Reject { kind, object } => match kind {
            0 => Object::Pool(rejected(&format!("{object}"))),
            1 => Object::Advertisement(rejected(&format!("{object}"))),
            2 => Object::L2Advertisement(rejected(&format!("{object}"))),
            _ => Object::Peer(rejected(&format!("{object}"))),
        },
        Step::Delete { kind, object } => return Some(deletion(*kind, *object)),
        Step::RelistServices { kept } => {
            let keys = kept.iter().map(|index| key(*index)).collect();
            return Some(Change::Listed {
                kind: Kind::Service,
                keys,
            });
        }
        Step::Settle | Step::Probes { .. } | Step::Links { .. } | Step::Learned { .. } => {
            return None;
        }
    };
    Some(Change::Apply(object))
}

fn make_l2_advertisement(
    index: u8,
    pool: Option<u8>,
    here: bool,
    (interface, weight): (u8, u8),
) -> Parsed<L2Advertisement> {
    let mut made = l2_advertisement(&format!("{index}"));
    let value = made.value.as_mut().unwrap();
    value.selection.pools = pool.iter().map(|index| format!("{index}").into()).collect();
    if !here {
        value.selection.nodes = selector("rack", "elsewhere");
    }
    value.interfaces = InterfaceFilter::new([format!("eth{interface}").into()]);
    value.preferences = vec![Preference {
        weight,
        nodes: Selectors::default(),
    }];
    made
}

fn bfd_profile(detect_multiplier: u8) -> Parsed<BfdProfile> {
    let timers = bfd::Profile {
        detect_multiplier,
        ..bfd::Profile::default()
    };
    accepted(
        "fast",
        BfdProfile {
            timers,
            minimum_ttl: None,
        },
    )
}

fn key(service: u8) -> ServiceKey {
    ServiceKey::new("default", format!("service-{service}").as_str())
}

fn deletion(kind: u8, object: u8) -> Change {
    let unscoped = ServiceKey::new("", format!("{object}").as_str());
    match kind {
        0 => Change::Delete(Kind::Pool, unscoped),
        1 => Change::Delete(Kind::Advertisement, unscoped),
        2 => Change::Delete(Kind::Peer, unscoped),
        3 => Change::Delete(Kind::Node, ServiceKey::new("", NODE)),
        4 => {
            let slice = ServiceKey::new("default", format!("service-{object}-1").as_str());
            Change::Delete(Kind::EndpointSlice, slice)
        }
        5 => Change::Delete(Kind::L2Advertisement, unscoped),
        _ => Change::Delete(Kind::Service, key(object)),
    }
}

/// Tells the planner a fact of the kernel or of the peers; whether the step is one.
fn tell_fact(world: &mut World, step: &Step) -> bool {
    match step {
        Step::Links { up } => {
            let mut links = links();
            links.0.get_mut(&2).unwrap().up = *up;
            world.planner.handle_links(links);
        }
        Step::Learned { third, last } => {
            let next_hop: IpAddr = format!("192.0.2.{last}").parse().unwrap();
            let learned = [(
                prefix(&format!("10.244.{third}.0/24")),
                [next_hop.into()].into(),
            )];
            world.planner.handle_learned(Arc::new(learned.into()));
        }
        Step::Service { .. }
        | Step::Endpoints { .. }
        | Step::Pool { .. }
        | Step::Advertisement { .. }
        | Step::Community { .. }
        | Step::L2Advertisement { .. }
        | Step::HeartbeatKeys { .. }
        | Step::Peer { .. }
        | Step::Secret { .. }
        | Step::BfdProfile { .. }
        | Step::PodNetwork { .. }
        | Step::OtherNode { .. }
        | Step::Node { .. }
        | Step::Reject { .. }
        | Step::Delete { .. }
        | Step::RelistServices { .. }
        | Step::Settle
        | Step::Probes { .. } => return false,
    }
    true
}

/// What a planner that starts now and hears the same changes and facts plans in its only pass.
fn planned_at_once(changes: &[Change], steps: &[Step]) -> Plan {
    let mut world = World::new(GateMode::Off, false);
    for step in steps {
        tell_fact(&mut world, step);
    }
    changes
        .iter()
        .for_each(|change| world.planner.handle_change(change.clone()));
    world.sync();
    world.settle();
    without_generations(world.planner.plan())
}

/// What a planner plans that starts without any list and with all that this one knows.
fn planned_from_snapshot(world: &World) -> Plan {
    let (_, objects) = world.planner.objects_unless(None).unwrap();
    let mut later = World::new(GateMode::Off, false);
    later.planner.handle_snapshot(objects);
    later.now = LISTS_WITHIN;
    assert!(!later.settle().complete);
    without_network(later.planner.plan())
}

/// Kernel and packet filter are left alone before the lists have come. Which peers are near is a matter of the interfaces,
/// which no snapshot has.
fn without_network(plan: &Plan) -> Plan {
    Plan {
        network: Arc::default(),
        bfd: BTreeMap::new(),
        ..without_generations(plan)
    }
}

/// How often a password changed is history, which a restart forgets.
fn without_generations(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for peer in plan.peers.values_mut() {
        peer.config.password_generation = peer.config.password_generation.min(1);
    }
    plan
}

fn count(world: &World) -> u64 {
    world.planner.counts().values().sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn incremental_equals_full(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(GateMode::Off, false);
        world.sync();
        let mut changes = defined();
        changes.iter().for_each(|change| world.planner.handle_change(change.clone()));
        // What was good once is remembered by one planner and unknown to the other.
        for step in steps.iter().filter(|step| !matches!(step, Step::Reject { .. })) {
            match change(step) {
                Some(change) => {
                    world.planner.handle_change(change.clone());
                    changes.push(change);
                }
                None if tell_fact(&mut world, step) => {}
                None => drop(world.settle()),
            }
        }
        world.settle();
        // Who starts now has nothing that would have to give way, and no number of endpoints that waits to be told.
        world.now += GIVE_WAY;
        world.settle();
        prop_assert_eq!(without_generations(world.planner.plan()), planned_at_once(&changes, &steps));
        prop_assert_eq!(planned_from_snapshot(&world), without_network(world.planner.plan()));
        prop_assert_eq!(count(&world), 2 * world.planner.plan().decisions.len() as u64);
    }

    #[test]
    fn any_sequence_of_events_leaves_what_was_told_equal_to_what_is_planned(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(GateMode::Auto, false);
        world.sync();
        defined().into_iter().for_each(|change| world.planner.handle_change(change));
        for step in &steps {
            if let Some(change) = change(step) {
                world.planner.handle_change(change);
            } else if let Step::Probes { outcome } = step {
                let outcomes = [Outcome::Ready, Outcome::NotReady, Outcome::NoAnswer];
                while let Some(probe) = world.planner.poll_probe(world.now) {
                    let outcome = outcomes[usize::from(*outcome)];
                    world.planner.handle_probe(world.now, &probe.target, outcome);
                }
            } else if !tell_fact(&mut world, step) {
                world.settle();
            }
        }
        world.settle();
        let plan = world.planner.plan();
        let announced = plan.decisions.values().filter(|d| d.bgp.is_announce()).count();
        prop_assert_eq!(announced, plan.announced());
        let nominated = plan.decisions.iter().filter(|(_, d)| d.l2.is_announce());
        let nominated: BTreeSet<_> = nominated.filter_map(|(target, _)| target.address).collect();
        prop_assert!(nominated.iter().eq(plan.nominees.keys()));
        prop_assert!(nominated.iter().eq(plan.services_of_nominees().keys()));
        let waiting = plan.decisions.values().filter(|d| d.waits_for_gate()).count();
        prop_assert_eq!(world.planner.gate_waiting(), waiting);
    }
}
