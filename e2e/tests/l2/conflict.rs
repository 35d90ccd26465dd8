//! A machine that is no node takes an address of the cluster.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::condition::Seen;
use e2e::fetch::url;
use e2e::node::W1;
use e2e::segment::{self, GUEST, GUEST_INTERFACE};
use e2e::workload::Families;
use e2e::{Case, Isolation, await_condition, run};

#[test]
fn a_stranger_that_takes_an_address_is_reported_and_answered_once() {
    run("segment-conflict", Isolation::Shared, conflict);
}

async fn conflict(case: &Case) -> Result<()> {
    case.announce_on_segment(|_| {}).await?;
    case.serve("web", &[W1]).await?;
    let addresses = case
        .expose_on_segment("web", "web", Families::Dual, false)
        .await?;
    let [ipv4, ipv6] = addresses[..] else {
        anyhow::bail!("two addresses expected: {addresses:?}");
    };
    let owner = segment::await_owner(ipv4).await?;
    segment::await_owner(ipv6).await?;
    let [conflicts, defences] = ["herald_l2_conflicts_total", "herald_l2_defences_total"];
    let before = (
        owner.metric(conflicts, &[]).await?,
        owner.metric(defences, &[]).await?,
    );

    // Five claims within a second.
    let script = format!(
        "ip addr add {ipv4}/32 dev {GUEST_INTERFACE}; \
         arping -q -U -c 5 -W 0.2 -S {ipv4} -I {GUEST_INTERFACE} {ipv4} || true"
    );
    segment::on_guest(&script).await?;
    let stranger = segment::guest_mac().await?;
    let words = [stranger.as_str(), &ipv4.to_string()];
    case.await_event("web", "L2Conflict", &words).await?;
    owner.await_metric(conflicts, &[], before.0 + 5.0).await?;
    let defended = owner.metric(defences, &[]).await? - before.1;
    ensure!((defended - 1.0).abs() < 0.5, "defended {defended} times");

    // By IPv6 a machine asks before it takes an address, and is told.
    segment::on_guest(&format!("ip addr add {ipv6}/64 dev {GUEST_INTERFACE}")).await?;
    let sentence = format!("the guest finds that {ipv6} is taken");
    await_condition(&sentence, Duration::from_secs(30), async || {
        let shown = GUEST
            .exec(&[
                "ip",
                "-o",
                "addr",
                "show",
                "dev",
                GUEST_INTERFACE,
                "dadfailed",
            ])
            .await?;
        Ok(Seen::when(shown.contains(&ipv6.to_string()), shown))
    })
    .await?;

    for (address, length) in [(ipv4, 32), (ipv6, 64)] {
        let script = format!("ip addr delete {address}/{length} dev {GUEST_INTERFACE}");
        segment::on_guest(&script).await?;
    }
    ensure!(segment::await_owner(ipv4).await? == owner);
    for address in [ipv4, ipv6] {
        GUEST.await_page(&url(address, 80, "/")).await?;
    }
    Ok(())
}
