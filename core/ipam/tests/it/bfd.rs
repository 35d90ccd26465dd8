//! What is said of BFDProfiles, and of the peers that name them.

use model::{BfdProfile, Object, Parsed, Rejection};

use crate::configuration::{accepted, meta, peer, resolved};
use crate::object::pod_network;
use crate::server::Server;

fn profile(value: Result<BfdProfile, Rejection>) -> Object {
    Object::BfdProfile(Parsed {
        meta: meta("fast", 1),
        value,
    })
}

fn usable(minimum_ttl: Option<u8>) -> Object {
    profile(Ok(BfdProfile {
        timers: bfd::Profile::default(),
        minimum_ttl,
    }))
}

#[test]
fn a_profile_says_whether_it_is_usable() {
    let mut server = Server::new();
    server.put_other(usable(None));
    server.settle();
    assert_eq!(
        accepted(&server, "fast"),
        "True Accepted: the profile is usable"
    );
    let rejection = Rejection::new("spec.detectMultiplier", "1 is out of range", "use 2 to 255");
    server.put_other(profile(Err(rejection)));
    server.settle();
    assert_eq!(
        accepted(&server, "fast"),
        "False Rejected: spec.detectMultiplier: 1 is out of range; use 2 to 255"
    );
}

#[test]
fn a_peer_names_the_profile_that_is_missing_until_it_appears() {
    let mut server = Server::new();
    let mut object = peer("tor", 1, "10.0.0.1", None);
    object.value.as_mut().unwrap().bfd_profile = Some("fast".into());
    server.put_other(Object::Peer(object));
    server.settle();
    assert!(accepted(&server, "tor").starts_with("True"));
    assert_eq!(
        resolved(&server, "tor"),
        "False RefNotFound: BFDProfile \"fast\" does not exist (until then the session is without BFD)"
    );
    server.put_other(usable(None));
    server.settle();
    assert_eq!(
        resolved(&server, "tor"),
        "True ResolvedRefs: every name exists"
    );
}

#[test]
fn a_peer_that_may_be_far_away_says_what_its_profile_lacks() {
    let mut server = Server::new();
    let mut object = peer("tor", 1, "10.0.0.1", None);
    let value = object.value.as_mut().unwrap();
    (value.bfd_profile, value.multi_hop_ttl) = (Some("fast".into()), Some(4));
    server.put_other(Object::Peer(object));
    server.put_other(usable(None));
    server.settle();
    let problem = resolved(&server, "tor");
    assert!(
        problem.contains("BFDProfile \"fast\": spec.minimumTtl"),
        "{problem}"
    );
    assert!(problem.contains("at least 252"), "{problem}");
    server.put_other(usable(Some(252)));
    server.settle();
    assert!(resolved(&server, "tor").starts_with("True"));
}

#[test]
fn a_pod_network_names_the_profile_that_is_missing_until_it_appears() {
    let mut server = Server::new();
    let mut object = pod_network(&["10.244.0.0/16"], &[]);
    if let Object::PodNetwork(network) = &mut object {
        network.value.as_mut().unwrap().bfd_profile = Some("fast".into());
    }
    server.put_other(object);
    server.settle();
    assert_eq!(
        resolved(&server, "default"),
        "False RefNotFound: BFDProfile \"fast\" does not exist (until then direct routes are without BFD)"
    );
    server.put_other(usable(None));
    server.settle();
    assert!(resolved(&server, "default").starts_with("True"));
}
