//! The tables, asked of an API server that has no cluster around it: for whoever changes a schema, and has no lab.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::await_condition;
use e2e::bench::ApiServer;
use e2e::condition::Seen;
use e2e::netns::Network;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::Api;

use super::{
    ADVERTISEMENTS, BFD_PROFILES, L2_ADVERTISEMENTS, PEERS, POD_NETWORKS, POOLS, differences,
};

/// Name of the test, by which it starts itself again.
const NAME: &str = "api::alone::the_tables_hold_without_a_lab";
/// Set for the second start: the folder for logs and data.
const FOLDER: &str = "HERALD_API_ALONE";
const CRDS: [&str; 7] = [
    include_str!("../../../../crds/yaml/ipaddresspools.yaml"),
    include_str!("../../../../crds/yaml/bgppeers.yaml"),
    include_str!("../../../../crds/yaml/bfdprofiles.yaml"),
    include_str!("../../../../crds/yaml/bgpadvertisements.yaml"),
    include_str!("../../../../crds/yaml/l2advertisements.yaml"),
    include_str!("../../../../crds/yaml/podnetworks.yaml"),
    include_str!("../../../../crds/yaml/speakerstates.yaml"),
];

#[test]
#[ignore = "needs root, and etcd and kubernetes of tools/build; make e2e asks the lab the same"]
fn the_tables_hold_without_a_lab() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(async {
            match std::env::var_os(FOLDER) {
                Some(folder) => inside(Path::new(&folder)).await,
                None => outside().await,
            }
        })
        .unwrap();
}

/// Starts this test in a namespace of its own, where no other API server has the port.
async fn outside() -> Result<()> {
    let mut network = Network::create()?;
    let host = network.namespace().await?;
    let mut command = host.enter(std::env::current_exe()?);
    command
        .args([NAME, "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, network.folder())
        .stdout(Stdio::inherit());
    let status = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .status()
        .await?;
    ensure!(status.success(), "{status}\n{}", network.logs(20));
    Ok(())
}

async fn inside(folder: &Path) -> Result<()> {
    let server = ApiServer::start(folder, &folder.join("etcd")).await?;
    let client = server.client().await?;
    install(&client).await?;
    let mut all = Vec::new();
    // Who may write a SpeakerState is an admission policy's business, which is not installed here.
    for table in [
        POOLS,
        PEERS,
        BFD_PROFILES,
        ADVERTISEMENTS,
        L2_ADVERTISEMENTS,
        POD_NETWORKS,
    ] {
        all.extend(differences(&client, table).await?);
    }
    server.stop().await?;
    ensure!(all.is_empty(), "{}", all.join("\n"));
    Ok(())
}

async fn install(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for text in CRDS {
        let definition = serde_yaml_ng::from_str(text)?;
        api.create(&Default::default(), &definition).await?;
    }
    await_condition(
        "every kind is served",
        Duration::from_secs(60),
        async || {
            let definitions = api.list(&Default::default()).await?.items;
            let established = definitions.iter().filter(|definition| {
                let conditions = definition
                    .status
                    .iter()
                    .flat_map(|s| &s.conditions)
                    .flatten();
                conditions
                    .into_iter()
                    .any(|condition| condition.type_ == "Established" && condition.status == "True")
            });
            let count = established.count();
            Ok(Seen::when(count == CRDS.len(), count))
        },
    )
    .await
    .map(drop)
}
