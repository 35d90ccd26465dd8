//! Carries out one write of the Ledger.

use cluster::{
    WriteError, Writer,
    event::ServiceEvent,
    status::{
        ServiceStatus, Version, apply_advertisement, apply_bfd_profile, apply_community,
        apply_l2_advertisement, apply_peer, apply_pod_network, apply_pool, apply_service,
        clear_service,
    },
};
use ipam::{Write, Written};
use model::{Condition, Kind, Name};

/// Sends `write`; IO.
pub(crate) async fn carry_out(writer: &Writer, write: &Write) -> Result<Written, WriteError> {
    let version = match write {
        Write::ServiceStatus {
            key,
            uid,
            resource_version,
            addresses,
            conditions,
            event: _,
        } => {
            let status = ServiceStatus {
                key,
                uid,
                resource_version,
                addresses,
                conditions,
            };
            apply_service(writer, &status).await?
        }
        Write::PoolStatus {
            name,
            uid,
            resource_version,
            counts,
            conditions,
        } => {
            apply_pool(
                writer,
                &version(name, uid, resource_version),
                counts,
                conditions,
            )
            .await?
        }
        Write::Conditions {
            kind,
            name,
            uid,
            resource_version,
            conditions,
        } => {
            let version = version(name, uid, resource_version);
            apply_conditions(writer, *kind, &version, conditions).await?
        }
        Write::ClearService { key } => {
            clear_service(writer, key).await?;
            String::new()
        }
    };
    Ok(Written {
        resource_version: version.into(),
    })
}

async fn apply_conditions(
    writer: &Writer,
    kind: Kind,
    version: &Version,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    if kind == Kind::Peer {
        apply_peer(writer, version, conditions).await
    } else if kind == Kind::BfdProfile {
        apply_bfd_profile(writer, version, conditions).await
    } else if kind == Kind::L2Advertisement {
        apply_l2_advertisement(writer, version, conditions).await
    } else if kind == Kind::Community {
        apply_community(writer, version, conditions).await
    } else if kind == Kind::PodNetwork {
        apply_pod_network(writer, version, conditions).await
    } else {
        apply_advertisement(writer, version, conditions).await
    }
}

fn version(name: &Name, uid: &Name, resource_version: &Name) -> Version {
    Version {
        name: name.clone(),
        uid: uid.clone(),
        resource_version: resource_version.clone(),
    }
}

/// The same error in the Ledger's words.
pub(crate) fn for_ledger(error: &WriteError) -> ipam::WriteError {
    match error {
        WriteError::Conflict => ipam::WriteError::Conflict,
        WriteError::NotFound => ipam::WriteError::NotFound,
        WriteError::Refused(sentence) => ipam::WriteError::Refused(sentence.clone()),
        WriteError::Busy { after } => ipam::WriteError::Retry {
            after: Some(*after),
        },
        WriteError::Retry { after, cause: _ } => ipam::WriteError::Retry { after: *after },
    }
}

/// What people are told after `write` has succeeded.
pub(crate) fn event(write: Write) -> Option<ServiceEvent> {
    let Write::ServiceStatus {
        key,
        uid,
        event: Some(event),
        ..
    } = write
    else {
        return None;
    };
    let ipam::Event {
        reason,
        warning,
        message,
    } = event;
    Some(ServiceEvent {
        key,
        uid,
        reason: reason.into_owned(),
        action: "Allocate",
        warning,
        message,
        at: None,
    })
}

/// The object, for the log.
pub(crate) fn object(write: &Write) -> String {
    match write {
        Write::ServiceStatus { key, .. } | Write::ClearService { key } => format!("Service {key}"),
        Write::PoolStatus { name, .. } => format!("IPAddressPool {name}"),
        Write::Conditions { kind, name, .. } => format!("{kind:?} {name}"),
    }
}
