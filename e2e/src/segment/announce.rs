//! What a case announces on the segment.

use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::case::Case;
use crate::node::Node;
use crate::segment::INTERFACE;
use crate::workload::{self, Families};

/// Addresses of the segment that a case has for itself, of either family.
const EACH: u16 = 10;

/// Makes an L2Advertisement prefer these nodes, the first most.
pub fn prefer(spec: &mut Value, nodes: &[Node]) {
    let weights = (1..=100).rev();
    let entries: Vec<Value> = nodes
        .iter()
        .zip(weights)
        .map(|(node, weight)| {
            let labels = json!({"kubernetes.io/hostname": node.name()});
            json!({"weight": weight, "preference": {"matchLabels": labels}})
        })
        .collect();
    if let Some(spec) = spec.as_object_mut() {
        spec.insert("preferredNodeSelectors".to_owned(), entries.into());
    }
}

impl Case {
    /// The case's own addresses on the segment: of 10.7.0.100 to .199, and of fd07::100 to ::1ff.
    #[must_use]
    pub fn segment_ranges(&self) -> [String; 2] {
        let first = 100 + u16::from(self.index % 10) * EACH;
        let last = first + EACH - 1;
        let first6 = 0x100 + u16::from(self.index % 10) * 0x10;
        [
            format!("10.7.0.{first}-10.7.0.{last}"),
            format!("fd07::{first6:x}-fd07::{:x}", first6 + 0xf),
        ]
    }

    /// Makes a pool of the case's addresses on the segment, and an L2Advertisement of it that `change` may change: on
    /// the nodes' interface there, stable after a second.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn announce_on_segment(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let [ipv4, ipv6] = self.segment_ranges();
        self.announce_ranges_on_segment(&[&ipv4, &ipv6], change)
            .await
    }

    /// The same for other addresses.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn announce_ranges_on_segment(
        &self,
        ranges: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> Result<()> {
        let pool = self.segment_pool();
        self.apply(workload::pool(&pool, ranges, &self.name))
            .await?;
        let mut advertisement = workload::l2_advertisement(&self.name, &pool, INTERFACE);
        if let Some(spec) = advertisement.get_mut("spec") {
            change(spec);
        }
        self.apply(advertisement).await
    }

    /// A LoadBalancer Service with addresses on the segment, to be changed and applied.
    ///
    /// # Errors
    /// Never, as the Service has metadata.
    pub fn service_on_segment(
        &self,
        name: &str,
        app: &str,
        families: Families,
        local: bool,
    ) -> Result<Value> {
        let mut service = workload::load_balancer(name, app, families, local);
        let metadata = service
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
            .context("a Service without metadata")?;
        metadata.insert(
            "annotations".to_owned(),
            json!({"heraldlb.io/address-pool": self.segment_pool()}),
        );
        Ok(service)
    }

    /// Creates a LoadBalancer Service with addresses on the segment, and waits for them.
    ///
    /// # Errors
    /// When it does not get as many as it has families.
    pub async fn expose_on_segment(
        &self,
        name: &str,
        app: &str,
        families: Families,
        local: bool,
    ) -> Result<Vec<IpAddr>> {
        self.apply(self.service_on_segment(name, app, families, local)?)
            .await?;
        self.await_addresses(name, families.count()).await
    }

    /// The pool of the case's addresses on the segment.
    #[must_use]
    pub fn segment_pool(&self) -> String {
        format!("{}-segment", self.name)
    }
}
