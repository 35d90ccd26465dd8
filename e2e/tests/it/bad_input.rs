//! Case 7: what users and surroundings get wrong.
//!
//! What the schema refuses is in `api`, malformed BGP in the interop suite, the absent API server in `failure`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::case::host_route;
use e2e::condition::Seen;
use e2e::herald::{NAMESPACE, PEERS};
use e2e::node::NODES;
use e2e::workload::{self, Families};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

#[test]
fn a_missing_pool_is_named_and_heals_and_the_rest_works() {
    run("missing-pool", Isolation::Shared, missing_pool);
}

async fn missing_pool(case: &Case) -> Result<()> {
    let absent = format!("{}-absent", case.name);
    let mut advertisement = workload::advertisement(&case.name, &case.name);
    advertisement["spec"]["ipAddressPools"] = json!([case.name, absent]);
    case.apply(advertisement).await?;
    await_object_condition::<crds::BGPAdvertisement>(
        case,
        &case.name,
        "ResolvedRefs",
        "False",
        &absent,
    )
    .await?;
    case.serve("web", &NODES[..1]).await?;
    let address = case.expose("web", "web", Families::IPv4, false).await?[0];
    case.lab
        .router
        .await_route(&host_route(address), &NODES)
        .await?;

    let mut pool = workload::pool(&absent, &["10.21.0.0/30"], &case.name);
    pool["spec"]["autoAssign"] = false.into();
    case.apply(pool).await?;
    await_object_condition::<crds::BGPAdvertisement>(case, &case.name, "ResolvedRefs", "True", "")
        .await
}

#[test]
fn a_missing_secret_is_named_and_heals() {
    run("missing-secret", Isolation::Shared, async |case: &Case| {
        // Nobody answers there; the session is not what this is about.
        let mut peer = workload::peer(&case.name, "10.1.0.99");
        peer["spec"]["passwordSecret"] = json!({"name": case.name});
        case.apply(peer).await?;
        await_object_condition::<crds::BGPPeer>(
            case,
            &case.name,
            "ResolvedRefs",
            "False",
            &case.name,
        )
        .await?;
        await_speaker_condition(case, "ConfigAccepted", "False", &case.name).await?;
        case.apply(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": case.name, "namespace": NAMESPACE},
            "stringData": {"password": "something"},
        }))
        .await?;
        await_object_condition::<crds::BGPPeer>(case, &case.name, "ResolvedRefs", "True", "").await
    });
}

#[test]
fn an_address_in_no_pool_is_refused_with_a_reason() {
    run(
        "address-in-no-pool",
        Isolation::Shared,
        async |case: &Case| {
            let mut service = workload::load_balancer("web", "web", Families::IPv4, false);
            service["metadata"]["annotations"] =
                json!({"heraldlb.io/load-balancer-ips": "192.0.2.1"});
            case.apply(service).await?;
            let message = case
                .await_service_condition("web", "heraldlb.io/Assigned", "False", "AddressNotInPool")
                .await?;
            ensure!(message.contains("192.0.2.1"), "{message}");
            Ok(())
        },
    );
}

#[test]
fn a_peer_that_this_node_cannot_use_leaves_the_last_good_session_up() {
    run(
        "unusable-peer",
        Isolation::Exclusive,
        async |case: &Case| {
            let router = case.lab.router;
            let before = router.await_session(NODES[0].ipv4, true).await?;
            // The node itself is no peer of its own.
            case.lab
                .cluster
                .apply_value(&workload::peer(PEERS[0], NODES[0].ipv4))
                .await?;
            await_speaker_condition(case, "ConfigAccepted", "False", PEERS[0]).await?;
            let still = router.session(NODES[0].ipv4).await?;
            ensure!(
                still.established == before.established,
                "{still:?} was {before:?}"
            );
            ensure!(still.state == "Established", "{still:?}");
            case.lab.apply_peers().await?;
            await_speaker_condition(case, "ConfigAccepted", "True", "").await
        },
    );
}

#[test]
fn an_object_that_cannot_be_read_is_skipped_and_the_watch_goes_on() {
    run("unreadable-pool", Isolation::Exclusive, unreadable);
}

async fn unreadable(case: &Case) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(case.lab.cluster.client());
    let name = "ipaddresspools.heraldlb.io";
    let original = serde_json::to_value(definitions.get(name).await?.spec.versions)?;
    let mut loose = original.clone();
    loose[0]["schema"]["openAPIV3Schema"] = json!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    });
    set_versions(&definitions, name, loose).await?;
    let outcome = with_unreadable_pool(case).await;
    let pools: Api<crds::IPAddressPool> = Api::all(case.lab.cluster.client());
    let _ = pools.delete("unreadable", &DeleteParams::default()).await;
    set_versions(&definitions, name, original).await?;
    outcome
}

async fn set_versions(
    definitions: &Api<CustomResourceDefinition>,
    name: &str,
    versions: Value,
) -> Result<()> {
    let patch = json!({"spec": {"versions": versions}});
    definitions
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(())
}

async fn with_unreadable_pool(case: &Case) -> Result<()> {
    let mut pool = workload::pool("unreadable", &[], &case.name);
    pool["spec"]["addresses"] = 7.into();
    // The API server takes a moment to forget the old schema.
    await_condition(
        "the loose schema is served",
        Duration::from_secs(60),
        async || {
            case.apply(pool.clone()).await?;
            Ok(Seen::Yes(()))
        },
    )
    .await?;
    // A pool that comes later is seen, so the watch goes on.
    let later = format!("{}-later", case.name);
    case.apply(workload::pool(&later, &["10.21.0.4/30"], &case.name))
        .await?;
    let mut service = workload::load_balancer("web", "web", Families::IPv4, false);
    service["metadata"]["annotations"] = json!({"heraldlb.io/address-pool": later});
    case.apply(service).await?;
    let address = case.await_addresses("web", 1).await?[0];
    ensure!(address.to_string().starts_with("10.21.0."), "{address}");
    Ok(())
}

#[test]
fn a_listen_address_in_use_is_told_and_peers_are_dialled() {
    run("port-in-use", Isolation::Exclusive, async |case: &Case| {
        // kube-proxy answers there.
        case.lab
            .set_speaker_flags(&["--bgp-listen=0.0.0.0:10256"])
            .await?;
        case.lab.await_herald().await?;
        case.lab.await_sessions().await?;
        await_condition(
            "SpeakerState tells of the port",
            Duration::from_secs(60),
            async || {
                let status = case
                    .lab
                    .speaker_state(NODES[0])
                    .await?
                    .status
                    .unwrap_or_default();
                let told = status.conditions.iter().any(|condition| {
                    condition.status == "False" && condition.message.contains("10256")
                });
                Ok(Seen::when(told, status.conditions))
            },
        )
        .await?;
        Ok(())
    });
}

#[test]
fn a_speaker_without_capability_or_node_name_says_what_is_missing() {
    run(
        "missing-capability",
        Isolation::Shared,
        async |case: &Case| {
            let name = json!([{"name": "NODE_NAME", "value": "w1"}]);
            let log =
                last_words(case, "no-capability", name, &["--bgp-listen=0.0.0.0:179"]).await?;
            ensure!(log.contains("NET_BIND_SERVICE"), "{log}");
            let log = last_words(case, "no-name", json!([]), &[]).await?;
            ensure!(log.contains("NODE_NAME"), "{log}");
            Ok(())
        },
    );
}

/// What a speaker without capabilities says that is started like this and ends at once.
async fn last_words(case: &Case, name: &str, env: Value, flags: &[&str]) -> Result<String> {
    let image = case
        .lab
        .speaker_pod(NODES[0])
        .await?
        .spec
        .context("pod without spec")?
        .containers[0]
        .image
        .clone();
    case.apply(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "speaker",
                "image": image,
                "imagePullPolicy": "Never",
                "command": ["/herald-speaker"],
                "args": flags,
                "env": env,
                "securityContext": {"runAsUser": 0, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    }))
    .await?;
    let pods: Api<Pod> = case.api();
    await_condition("the pod has failed", Duration::from_secs(60), async || {
        let status = pods.get(name).await?.status.unwrap_or_default();
        Ok(Seen::when(
            status.phase.as_deref() == Some("Failed"),
            status.container_statuses,
        ))
    })
    .await?;
    let log = pods.logs(name, &Default::default()).await?;
    ensure!(log.trim().lines().count() == 1, "more than one line: {log}");
    Ok(log)
}

/// Waits until a condition of an object has this status and a message with `part` in it.
pub(crate) async fn await_object_condition<K>(
    case: &Case,
    name: &str,
    kind: &str,
    status: &str,
    part: &str,
) -> Result<()>
where
    K: kube::Resource<Scope = k8s_openapi::ClusterResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned,
    K::DynamicType: Default,
{
    let objects: Api<K> = Api::all(case.lab.cluster.client());
    let sentence = format!("{name} has {kind}={status} with {part:?}");
    await_condition(&sentence, Duration::from_secs(60), async || {
        let object = serde_json::to_value(objects.get(name).await?)?;
        Ok(shows(&object["status"]["conditions"], kind, status, part))
    })
    .await
}

/// The same for the SpeakerState of the first node.
pub(crate) async fn await_speaker_condition(
    case: &Case,
    kind: &str,
    status: &str,
    part: &str,
) -> Result<()> {
    let sentence = format!("the speaker has {kind}={status} with {part:?}");
    await_condition(&sentence, Duration::from_secs(60), async || {
        let state = serde_json::to_value(case.lab.speaker_state(NODES[0]).await?)?;
        Ok(shows(&state["status"]["conditions"], kind, status, part))
    })
    .await
}

fn shows(conditions: &Value, kind: &str, status: &str, part: &str) -> Seen<()> {
    let found = conditions
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| {
            condition["type"] == kind
                && condition["status"] == status
                && condition["message"]
                    .as_str()
                    .unwrap_or_default()
                    .contains(part)
        });
    if found {
        Seen::Yes(())
    } else {
        Seen::Not(conditions.to_string())
    }
}
