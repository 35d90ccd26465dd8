//! What a user is told at `kubectl apply`: the tables in `api/`, row by row, and the examples of the docs.

use anyhow::{Context as _, Result, ensure};
use e2e::{Case, Isolation, run};
use kube::{Client, Error};
use serde::Deserialize as _;
use serde_json::Value;

use table::{Row, Table};

mod admission;
mod alone;
mod audit;
mod metrics;
mod table;

const POOLS: &str = include_str!("api/ip_address_pool.yaml");
const PEERS: &str = include_str!("api/bgp_peer.yaml");
const BFD_PROFILES: &str = include_str!("api/bfd_profile.yaml");
const ADVERTISEMENTS: &str = include_str!("api/bgp_advertisement.yaml");
const L2_ADVERTISEMENTS: &str = include_str!("api/l2_advertisement.yaml");
const COMMUNITIES: &str = include_str!("api/community.yaml");
const POD_NETWORKS: &str = include_str!("api/pod_network.yaml");
const SPEAKER_STATES: &str = include_str!("api/speaker_state.yaml");

#[test]
fn pools_are_refused_with_a_sentence() {
    run("api-pools", Isolation::Shared, async |case: &Case| {
        compare(case, POOLS).await
    });
}

#[test]
fn peers_are_refused_with_a_sentence() {
    run("api-peers", Isolation::Shared, async |case: &Case| {
        compare(case, PEERS).await
    });
}

#[test]
fn bfd_profiles_are_refused_with_a_sentence() {
    run(
        "api-bfd-profiles",
        Isolation::Shared,
        async |case: &Case| compare(case, BFD_PROFILES).await,
    );
}

#[test]
fn advertisements_are_refused_with_a_sentence() {
    run(
        "api-advertisements",
        Isolation::Shared,
        async |case: &Case| compare(case, ADVERTISEMENTS).await,
    );
}

#[test]
fn l2_advertisements_are_refused_with_a_sentence() {
    run(
        "api-l2-advertisements",
        Isolation::Shared,
        async |case: &Case| compare(case, L2_ADVERTISEMENTS).await,
    );
}

#[test]
fn communities_are_refused_with_a_sentence() {
    run("api-communities", Isolation::Shared, async |case: &Case| {
        compare(case, COMMUNITIES).await
    });
}

#[test]
fn pod_networks_are_refused_with_a_sentence() {
    run(
        "api-pod-networks",
        Isolation::Shared,
        async |case: &Case| compare(case, POD_NETWORKS).await,
    );
}

#[test]
fn speaker_states_are_refused_with_a_sentence() {
    run(
        "api-speaker-states",
        Isolation::Shared,
        async |case: &Case| compare(case, SPEAKER_STATES).await,
    );
}

#[test]
fn the_examples_of_the_docs_are_accepted() {
    run("api-examples", Isolation::Shared, examples);
}

async fn examples(case: &Case) -> Result<()> {
    let client = case.lab.cluster.client();
    for (name, yaml) in EXAMPLES {
        let mut documents = 0;
        for document in serde_yaml_ng::Deserializer::from_str(yaml) {
            let object = Value::deserialize(document)?;
            let answer = create(&client, &object).await?;
            ensure!(answer.is_none(), "{name}: {object}: {answer:?}");
            documents += 1;
        }
        ensure!(documents > 0, "{name} is empty");
    }
    Ok(())
}

const EXAMPLES: &[(&str, &str)] = &[
    (
        "first-service.yaml",
        include_str!("../../../docs/examples/first-service.yaml"),
    ),
    (
        "pool-for-team.yaml",
        include_str!("../../../docs/examples/pool-for-team.yaml"),
    ),
    (
        "bgp-rack.yaml",
        include_str!("../../../docs/examples/bgp-rack.yaml"),
    ),
    (
        "bgp-communities.yaml",
        include_str!("../../../docs/examples/bgp-communities.yaml"),
    ),
    (
        "bgp-import.yaml",
        include_str!("../../../docs/examples/bgp-import.yaml"),
    ),
    (
        "bgp-bfd.yaml",
        include_str!("../../../docs/examples/bgp-bfd.yaml"),
    ),
    ("l2.yaml", include_str!("../../../docs/examples/l2.yaml")),
    (
        "l2-interfaces.yaml",
        include_str!("../../../docs/examples/l2-interfaces.yaml"),
    ),
    (
        "pod-network.yaml",
        include_str!("../../../docs/examples/pod-network.yaml"),
    ),
    (
        "pod-network-one-subnet.yaml",
        include_str!("../../../docs/examples/pod-network-one-subnet.yaml"),
    ),
    (
        "pod-network-advertise.yaml",
        include_str!("../../../docs/examples/pod-network-advertise.yaml"),
    ),
    (
        "bgp-password.yaml",
        include_str!("../../../docs/examples/bgp-password.yaml"),
    ),
    (
        "service.yaml",
        include_str!("../../../docs/examples/service.yaml"),
    ),
    (
        "settings.yaml",
        include_str!("../../../docs/examples/settings.yaml"),
    ),
];

async fn compare(case: &Case, yaml: &str) -> Result<()> {
    let differences = differences(&case.lab.cluster.client(), yaml).await?;
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// The rows of a table to which the API server says something else.
async fn differences(client: &Client, yaml: &str) -> Result<Vec<String>> {
    let table = Table::parse(yaml)?;
    let mut differences = Vec::new();
    for row in &table.rows {
        let answer = create(client, &table.object(row)).await?;
        if answer != row.refused {
            differences.push(difference(row, answer.as_deref()));
        }
    }
    Ok(differences)
}

fn difference(row: &Row, answer: Option<&str>) -> String {
    let shown = |sentence: Option<&str>| sentence.unwrap_or("(accepted)").to_owned();
    format!(
        "{}\n  expected: {}\n  answered: {}",
        row.case,
        shown(row.refused.as_deref()),
        shown(answer)
    )
}

/// Creates the object as `kubectl apply` would, without storing it; `None` when it is accepted, else the sentence.
async fn create(client: &Client, object: &Value) -> Result<Option<String>> {
    let request = http::Request::post(format!(
        "{}?dryRun=All&fieldValidation=Strict",
        collection(object)?
    ))
    .header(http::header::CONTENT_TYPE, "application/json")
    .body(serde_json::to_vec(object)?)?;
    match client.request::<Value>(request).await {
        Ok(_) => Ok(None),
        Err(Error::Api(status)) => Ok(Some(sentence(&status.message))),
        Err(error) => Err(error).context("the API server does not answer"),
    }
}

/// Where objects of this kind are created.
fn collection(object: &Value) -> Result<String> {
    let field = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let kind = field("/kind").context("object without kind")?;
    let version = field("/apiVersion").context("object without apiVersion")?;
    let api = if version.contains('/') { "apis" } else { "api" };
    let namespace = match field("/metadata/namespace") {
        Some(namespace) => format!("/namespaces/{namespace}"),
        None if matches!(kind, "Service" | "Secret" | "ConfigMap") => "/namespaces/default".into(),
        None => String::new(),
    };
    let kind = kind.to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    };
    Ok(format!("/{api}/{version}{namespace}/{plural}"))
}

/// The answer without the object's name before it and the API server's standing remark behind it.
fn sentence(message: &str) -> String {
    const REMARK: &str = ", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]";
    let sentence = message
        .split_once(" is invalid: ")
        .map_or(message, |(_, sentence)| sentence);
    let alone = sentence
        .strip_prefix('[')
        .and_then(|sentence| sentence.strip_suffix(REMARK));
    alone.unwrap_or(sentence).to_owned()
}

#[test]
fn what_the_api_server_accepts_the_programs_accept() {
    let accepted = |yaml: &str| -> Vec<(String, Value)> {
        let table = Table::parse(yaml).unwrap();
        let rows = table.rows.iter().filter(|row| row.refused.is_none());
        rows.map(|row| (row.case.clone(), table.object(row)))
            .collect()
    };
    for (case, object) in accepted(POOLS) {
        let pool = serde_json::from_value(object).unwrap();
        assert_eq!(model::Pool::parse(&pool).value.err(), None, "{case}");
    }
    for (case, object) in accepted(PEERS) {
        let peer = serde_json::from_value(object).unwrap();
        assert_eq!(model::Peer::parse(&peer).value.err(), None, "{case}");
    }
    for (case, object) in accepted(BFD_PROFILES) {
        let profile = serde_json::from_value(object).unwrap();
        assert_eq!(
            model::BfdProfile::parse(&profile).value.err(),
            None,
            "{case}"
        );
    }
    for (case, object) in accepted(ADVERTISEMENTS) {
        let advertisement = serde_json::from_value(object).unwrap();
        assert_eq!(
            model::Advertisement::parse(&advertisement).value.err(),
            None,
            "{case}"
        );
    }
    for (case, object) in accepted(L2_ADVERTISEMENTS) {
        let advertisement = serde_json::from_value(object).unwrap();
        assert_eq!(
            model::L2Advertisement::parse(&advertisement).value.err(),
            None,
            "{case}"
        );
    }
    for (case, object) in accepted(POD_NETWORKS) {
        let network = serde_json::from_value(object).unwrap();
        assert_eq!(
            model::PodNetwork::parse(&network).value.err(),
            None,
            "{case}"
        );
    }
}
