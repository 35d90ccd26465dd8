//! What most cases begin with: a dual-stack Service on the segment whose owner is the first node, or else the second,
//! and whose pod is on the third.

use std::net::IpAddr;

use anyhow::Result;
use e2e::Case;
use e2e::fetch::url;
use e2e::node::{Node, W1, W2, W3};
use e2e::segment::{self, GUEST};
use e2e::workload::Families;

pub(crate) const OWNER: Node = W1;
pub(crate) const NEXT: Node = W2;
pub(crate) const SERVER: Node = W3;

/// The addresses of Service `web`, answered by `OWNER`.
pub(crate) async fn start(case: &Case) -> Result<Vec<IpAddr>> {
    case.announce_on_segment(|spec| segment::prefer(spec, &[OWNER, NEXT]))
        .await?;
    case.serve("web", &[SERVER]).await?;
    let addresses = case
        .expose_on_segment("web", "web", Families::Dual, false)
        .await?;
    await_owner(&addresses, OWNER).await?;
    Ok(addresses)
}

/// Waits until this node alone answers, and the page can be fetched.
pub(crate) async fn await_owner(addresses: &[IpAddr], node: Node) -> Result<()> {
    for &address in addresses {
        segment::await_owner_among(address, &[node]).await?;
        GUEST.await_page(&url(address, 80, "/")).await?;
    }
    Ok(())
}
