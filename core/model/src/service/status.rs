use alloc::vec::Vec;
use core::net::IpAddr;

use k8s_openapi::{
    api::core::v1::LoadBalancerIngress, apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry,
};

use crate::AddressFamily;

/// Field manager of the controller's writes.
pub const FIELD_MANAGER: &str = "herald-controller";

/// Who wrote `status.loadBalancer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum StatusOwner {
    /// Nobody: the list is empty.
    #[default]
    None,
    /// Field manager [`FIELD_MANAGER`].
    Ours,
    /// Somebody else.
    Foreign,
}

impl StatusOwner {
    pub(super) fn parse(ingress: &[LoadBalancerIngress], managers: &[ManagedFieldsEntry]) -> Self {
        match ingress.is_empty() {
            true => Self::None,
            false if managers.iter().any(is_ours) => Self::Ours,
            false => Self::Foreign,
        }
    }
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
    entry.manager.as_deref() == Some(FIELD_MANAGER)
        && entry.subresource.as_deref() == Some("status")
        && fields
            .and_then(|all| all.get("f:status")?.get("f:loadBalancer"))
            .is_some()
}

/// The first address of each family.
pub(super) fn parse_addresses(ingress: &[LoadBalancerIngress]) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in ingress
        .iter()
        .filter_map(|entry| entry.ip.as_ref()?.parse::<IpAddr>().ok())
    {
        let family = AddressFamily::of(address);
        if addresses
            .iter()
            .all(|&other| AddressFamily::of(other) != family)
        {
            addresses.push(address);
        }
    }
    addresses
}

/// Whether every entry is one of `addresses` and says nothing else; absent `ipMode` is VIP.
pub(super) fn is_canonical(ingress: &[LoadBalancerIngress], addresses: &[IpAddr]) -> bool {
    ingress.len() == addresses.len()
        && ingress.iter().all(|entry| {
            entry.hostname.is_none()
                && entry.ports.as_ref().is_none_or(Vec::is_empty)
                && matches!(entry.ip_mode.as_deref(), None | Some("VIP"))
        })
}
