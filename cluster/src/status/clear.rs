//! Taking our conditions off Services that are not of type LoadBalancer any more.
//!
//! When the type changes the API server wipes `status.loadBalancer`, but not the conditions.

use std::time::Duration;

use k8s_openapi::{api::core::v1::Service, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use model::ServiceKey;
use serde_json::{Value, json};

use crate::{Target, WriteError, Writer};

/// Condition types of ours on Services begin so.
const OURS: &str = "heraldlb.io/";
/// Objects per page of the sweep.
const PAGE: u32 = 100;
/// How long one read may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the Service and takes our conditions off it, unless it is of type LoadBalancer or gone.
///
/// # Errors
/// It changed in between, or the API server did not take it.
pub async fn clear_service(writer: &Writer, key: &ServiceKey) -> Result<(), WriteError> {
    let api: Api<Service> = Api::namespaced(writer.client().clone(), &key.namespace);
    match read(api.get_opt(&key.name)).await? {
        Some(service) => clear(writer, &service).await.map(|_cleared| ()),
        None => Ok(()),
    }
}

/// Clears every Service that is not of type LoadBalancer; says how many had to be.
///
/// # Errors
/// As [`clear_service`]; what was cleared until then stays so.
pub async fn sweep_services(writer: &Writer) -> Result<usize, WriteError> {
    let api: Api<Service> = Api::all(writer.client().clone());
    let mut page = ListParams::default()
        .fields("spec.type!=LoadBalancer")
        .limit(PAGE);
    let mut cleared = 0;
    loop {
        let list = read(api.list(&page)).await?;
        for service in &list.items {
            // Whoever changed it meanwhile made it another's business or the watch's.
            if matches!(clear(writer, service).await, Ok(true)) {
                cleared += 1;
            }
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(cleared),
        }
    }
}

async fn clear(writer: &Writer, service: &Service) -> Result<bool, WriteError> {
    let Some(patch) = patch(service) else {
        return Ok(false);
    };
    let object = (
        service.metadata.namespace.as_deref(),
        service.metadata.name.as_deref().unwrap_or_default(),
    );
    let params = PatchParams {
        field_manager: Some(writer.manager().as_str().to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(patch);
    match writer
        .patch_status::<Service>(Target::ServiceStatus, object, &params, &patch)
        .await
    {
        Ok(_) => Ok(true),
        Err(WriteError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What leaves the conditions of others; `None`: nothing is to be done. A merge patch and not an
/// apply: ownership may have been lost, when an object was restored from a backup for example.
fn patch(service: &Service) -> Option<Value> {
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    if kind == Some("LoadBalancer") {
        return None;
    }
    let conditions = service.status.as_ref()?.conditions.as_deref()?;
    let others: Vec<&Condition> = conditions
        .iter()
        .filter(|condition| !condition.type_.starts_with(OURS))
        .collect();
    if others.len() == conditions.len() {
        return None;
    }
    Some(json!({
        "metadata": {
            "uid": service.metadata.uid,
            "resourceVersion": service.metadata.resource_version,
        },
        "status": { "conditions": others },
    }))
}

async fn read<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, WriteError> {
    let later = |cause: String| WriteError::Retry { after: None, cause };
    tokio::time::timeout(TIMEOUT, request)
        .await
        .map_err(|_elapsed| later("no answer in time".to_owned()))?
        .map_err(|error| later(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(kind: &str, conditions: &[&str]) -> Service {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|kind| {
                json!({
                    "type": kind, "status": "True", "reason": "R", "message": "",
                    "lastTransitionTime": "2026-11-21T01:02:03Z",
                })
            })
            .collect();
        serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "s", "uid": "u", "resourceVersion": "5" },
            "spec": { "type": kind },
            "status": { "conditions": conditions },
        }))
        .unwrap()
    }

    #[test]
    fn takes_our_conditions_and_leaves_those_of_others() {
        let patch = patch(&service(
            "ClusterIP",
            &["heraldlb.io/Assigned", "example.com/Mine"],
        ));
        let patch = patch.unwrap();
        assert_eq!(
            patch["metadata"],
            json!({ "uid": "u", "resourceVersion": "5" })
        );
        let left = patch["status"]["conditions"].as_array().unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0]["type"], "example.com/Mine");
    }

    #[test]
    fn leaves_load_balancers_and_what_is_clean_alone() {
        assert_eq!(
            patch(&service("LoadBalancer", &["heraldlb.io/Assigned"])),
            None
        );
        assert_eq!(patch(&service("ClusterIP", &["example.com/Mine"])), None);
        assert_eq!(patch(&service("ClusterIP", &[])), None);
    }
}
