//! What pods send outside the cluster.

use e2e::client::SUBNETS;
use e2e::mesh::Mesh;
use e2e::mesh::outside::SeenAs;
use e2e::{Case, Isolation, run};
use serde_json::json;

#[test]
fn a_pod_is_seen_outside_as_its_node() {
    run("egress", Isolation::Shared, async |case: &Case| {
        let mesh = Mesh::deploy(case, "web").await?;
        mesh.await_seen_outside(SeenAs::Node).await
    });
}

#[test]
fn an_excluded_destination_sees_the_pod_and_others_go_on_seeing_the_node() {
    run(
        "egress-excluded",
        Isolation::Exclusive,
        async |case: &Case| {
            let mesh = Mesh::deploy(case, "web").await?;
            mesh.await_seen_outside(SeenAs::Node).await?;
            case.change_pod_network(|spec| spec["egress"]["excludeCIDRs"] = json!(SUBNETS))
                .await?;
            mesh.await_seen_outside(SeenAs::Pod).await?;
            mesh.see_each_other().await?;
            case.lab.apply_pod_network().await?;
            mesh.await_seen_outside(SeenAs::Node).await
        },
    );
}
