//! Interfaces that not every node has.

use anyhow::{Result, ensure};
use e2e::node::{Node, W1, W2, W3};
use e2e::segment::{self, INTERFACE};
use e2e::workload::Families;
use e2e::{Case, Isolation, run};
use serde_json::json;

/// An interface that only some nodes get: on the same segment, with a MAC of its own.
const RARE: &str = "e2e0";

#[test]
fn a_node_without_the_interface_says_so_and_another_one_answers() {
    run(
        "segment-interface",
        Isolation::Shared,
        async |case: &Case| {
            let nodes = [W2, W3];
            for node in nodes {
                change(
                    node,
                    &format!("add link {INTERFACE} name {RARE} type macvlan mode bridge"),
                )
                .await?;
                change(node, &format!("set {RARE} up")).await?;
            }
            let result = rare(case, &nodes).await;
            for node in nodes {
                change(node, &format!("delete {RARE}")).await?;
            }
            result
        },
    );
}

async fn rare(case: &Case, nodes: &[Node]) -> Result<()> {
    case.announce_on_segment(|spec| spec["interfaces"] = json!(["e2e*"]))
        .await?;
    case.serve("web", &[W1]).await?;
    let addresses = case
        .expose_on_segment("web", "web", Families::Dual, false)
        .await?;
    for address in addresses {
        let owner = segment::await_owner_on(RARE, address, nodes).await?;
        case.lab.await_listed(owner, address, Some(RARE)).await?;
        case.lab.await_listed(W1, address, None).await?;
        let message = case.lab.await_l2_ready(W1, "False", "NoInterface").await?;
        ensure!(message.contains(&address.to_string()), "{message}");
        W1.await_metric("herald_l2_addresses", &["standing=\"NoInterface\""], 1.0)
            .await?;
    }
    Ok(())
}

async fn change(node: Node, arguments: &str) -> Result<()> {
    let command: Vec<&str> = ["ip", "link"]
        .into_iter()
        .chain(arguments.split(' '))
        .collect();
    node.machine.exec(&command).await.map(drop)
}
