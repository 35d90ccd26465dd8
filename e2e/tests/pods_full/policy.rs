//! A NetworkPolicy engine on top of the pod network.
//!
//! The engine is not a real one. The lab's programs are built from Go modules, and the module proxy at hand refused
//! kube-router's (v2.4.1, v2.5.0, v2.6.1 and v2.6.3); an image of one would need a registry. So the case itself writes
//! what such engines write on a node for its pods: a table of its own with a chain in the forward hook that passes what
//! belongs to a connection, and drops what is not allowed to reach a pod or to leave it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::case::host_route;
use e2e::condition::Seen;
use e2e::fetch::url;
use e2e::machine::Machine;
use e2e::mesh::WebPod;
use e2e::mesh::outside::SeenAs;
use e2e::node::{FABRIC, Node, W1, W2, W3};
use e2e::workload::Families;
use e2e::{Case, Isolation, await_condition, client, run};

/// The engine's table.
const TABLE: &str = "inet policy-engine";
/// A port that no Service has.
const UNUSED_PORT: u16 = 81;
/// What pods fetch from each other.
const PAGE: &str = "/hostname";

#[test]
fn network_policies_hold_beside_heralds_rules() {
    run("network-policy", Isolation::Exclusive, network_policy);
}

async fn network_policy(case: &Case) -> Result<()> {
    let outcome = enforce(case).await;
    for node in FABRIC {
        // Also where the case has not come to add it.
        let script = format!("add table {TABLE}; delete table {TABLE}");
        node.machine.exec(&["nft", &script]).await?;
    }
    outcome
}

/// The pods of the case.
struct Pods {
    /// Only `friends`, and whoever else a policy names, may reach it.
    target: WebPod,
    /// On its node, beside it and in the other subnet.
    friends: [WebPod; 3],
    /// On its node and beside it: nobody's friends.
    strangers: [WebPod; 2],
    /// It may reach nobody but `target`.
    confined: WebPod,
}

async fn enforce(case: &Case) -> Result<()> {
    let pods = Pods::start(case).await?;
    let addresses = case
        .expose("target", "target", Families::Dual, true)
        .await?;
    for &address in &addresses {
        case.lab
            .router
            .await_route(&host_route(address), &[W1])
            .await?;
        case.lab.client.await_page(address, PAGE).await?;
    }
    // Without policies everybody is let in and out.
    for stranger in &pods.strangers {
        reaches_pod(stranger, &pods.target).await?;
    }
    reaches_pod(&pods.confined, &pods.friends[1]).await?;

    pods.write_policies(&[]).await?;
    pods.hold().await?;
    // Its Service is no way around: with externalTrafficPolicy Local the policy sees the client's own address.
    for &address in &addresses {
        let fetched = case.lab.client.fetch(address, PAGE).await;
        ensure!(fetched.is_err(), "the client is let in by {address}");
    }
    pods.write_policies(&client::ADDRESSES).await?;
    for &address in &addresses {
        case.lab.client.await_page(address, PAGE).await?;
    }
    herald_works(case, &pods, &addresses).await?;
    herald_repairs_only_itself(W1.machine).await?;
    pods.hold().await?;
    herald_works(case, &pods, &addresses).await
}

impl Pods {
    async fn start(case: &Case) -> Result<Self> {
        case.serve("target", &[W1]).await?;
        case.serve("friend", &FABRIC).await?;
        case.serve("stranger", &[W1, W2]).await?;
        case.serve("confined", &[W3]).await?;
        let pod = async |app: &str, node: Node| {
            WebPod::ready(&case.api(), &format!("{app}-{}", node.name()), node).await
        };
        Ok(Self {
            target: pod("target", W1).await?,
            friends: [
                pod("friend", W1).await?,
                pod("friend", W2).await?,
                pod("friend", W3).await?,
            ],
            strangers: [pod("stranger", W1).await?, pod("stranger", W2).await?],
            confined: pod("confined", W3).await?,
        })
    }

    /// The rules of both policies, each on the node of its pod.
    async fn write_policies(&self, outside: &[&str]) -> Result<()> {
        let mut sources: Vec<IpAddr> = self.friends.iter().flat_map(|pod| pod.addresses).collect();
        sources.extend(self.confined.addresses);
        for address in outside {
            sources.push(address.parse()?);
        }
        let ingress = self.target.addresses.map(|pod| {
            let (family, allowed) = of_family(pod, &sources);
            format!("{family} daddr {pod} {family} saddr != {{ {allowed} }} counter drop")
        });
        let egress = self.confined.addresses.map(|pod| {
            let (family, allowed) = of_family(pod, &self.target.addresses);
            format!("{family} saddr {pod} {family} daddr != {{ {allowed} }} counter drop")
        });
        write_table(self.target.node.machine, &ingress).await?;
        write_table(self.confined.node.machine, &egress).await
    }

    /// Both policies, in both directions and both families.
    async fn hold(&self) -> Result<()> {
        for friend in &self.friends {
            reaches_pod(friend, &self.target).await?;
        }
        // What a pod itself asks for comes back in.
        for stranger in &self.strangers {
            reaches_pod(&self.target, stranger).await?;
            for page in self.target.urls(PAGE) {
                is_kept_from(stranger, &page).await?;
            }
        }
        reaches_pod(&self.confined, &self.target).await?;
        reaches_pod(&self.friends[1], &self.confined).await?;
        for page in self.friends[1].urls(PAGE) {
            is_kept_from(&self.confined, &page).await?;
        }
        for address in client::ADDRESSES {
            let page = url(address.parse()?, client::PORT, "/clientip");
            is_kept_from(&self.confined, &page).await?;
        }
        Ok(())
    }
}

/// What Herald does for pods that no policy concerns goes on: the node's address outside, and no loops.
async fn herald_works(case: &Case, pods: &Pods, announced: &[IpAddr]) -> Result<()> {
    let free = pods.friends.iter().chain(&pods.strangers);
    for pod in free.chain([&pods.target]) {
        pod.await_seen_outside(SeenAs::Node).await?;
    }
    for &address in announced {
        let sentence = format!("port {UNUSED_PORT} of {address} is refused, not sent in circles");
        await_condition(&sentence, Duration::from_secs(60), async || {
            let refusal = refusal(case, address).await?;
            // An ICMP error; otherwise curl would run into its timeout, 28.
            Ok(Seen::when(refusal == "7", refusal))
        })
        .await?;
    }
    Ok(())
}

/// curl's exit code for a port that no Service has.
async fn refusal(case: &Case, address: IpAddr) -> Result<String> {
    let script = "curl -sg -o /dev/null --max-time 2 \"$1\"; echo $?";
    let page = url(address, UNUSED_PORT, "/");
    let code = case
        .lab
        .client
        .machine()
        .exec(&["bash", "-c", script, "refusal", &page])
        .await?;
    Ok(code.trim().to_owned())
}

/// Herald's table comes back when somebody removes it, and the engine's stays what it is.
async fn herald_repairs_only_itself(machine: Machine) -> Result<()> {
    let listed = async |table: &str| {
        let listing = format!("list table {table}");
        machine.exec(&["nft", "-s", &listing]).await
    };
    let (herald, engine) = (listed("inet herald").await?, listed(TABLE).await?);
    machine.exec(&["nft", "delete table inet herald"]).await?;
    await_condition(
        "Herald's table is back",
        Duration::from_secs(60),
        async || {
            let now = listed("inet herald").await?;
            Ok(Seen::when(now == herald, now))
        },
    )
    .await?;
    ensure!(
        listed(TABLE).await? == engine,
        "the engine's table has changed"
    );
    Ok(())
}

/// Replaces the engine's table in one transaction.
async fn write_table(machine: Machine, rules: &[String]) -> Result<()> {
    let rules = rules.join("\n");
    let script = format!(
        "add table {TABLE}
delete table {TABLE}
table {TABLE} {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        ct state established,related counter accept
        {rules}
    }}
}}"
    );
    machine.exec(&["nft", &script]).await?;
    Ok(())
}

/// The family's name in nftables, and those of the addresses that are of it.
fn of_family(pod: IpAddr, addresses: &[IpAddr]) -> (&'static str, String) {
    let same: Vec<String> = addresses
        .iter()
        .filter(|each| each.is_ipv4() == pod.is_ipv4())
        .map(ToString::to_string)
        .collect();
    (if pod.is_ipv4() { "ip" } else { "ip6" }, same.join(", "))
}

async fn reaches_pod(from: &WebPod, to: &WebPod) -> Result<()> {
    for page in to.urls(PAGE) {
        from.await_page(&page)
            .await
            .context("policies let it through")?;
    }
    Ok(())
}

/// That the pod gets no answer from there, although it waits for one.
async fn is_kept_from(pod: &WebPod, page: &str) -> Result<()> {
    match pod.fetch(page).await {
        Ok(answer) => bail!("{page} answers {answer:?} to pod {}", pod.name),
        // The pod itself has answered our request, with its own failure.
        Err(error) if format!("{error:#}").contains("error: 502") => Ok(()),
        Err(error) => Err(error),
    }
}
