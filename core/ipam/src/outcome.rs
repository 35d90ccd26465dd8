use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

use model::{AssignedReason, Condition, ConditionStatus, Service, StatusOwner, condition_type};

use crate::Event;

/// What the status of a Service is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The primary family first; empty: none.
    pub(crate) addresses: Vec<IpAddr>,
    /// Why not all is as the Service asks.
    pub(crate) refusal: Option<Refusal>,
}

/// A reason and its sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: AssignedReason,
    pub(crate) message: String,
}

/// An address that a Service had to leave, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) address: IpAddr,
    pub(crate) refusal: Refusal,
}

/// Reason of `RequestSatisfied=True`.
const SATISFIED: &str = "Satisfied";

impl Refusal {
    pub(crate) fn new(reason: AssignedReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

impl Outcome {
    /// The conditions to be written on `service`.
    pub(crate) fn conditions(&self, service: &Service) -> Vec<Condition> {
        with_times(
            [self.assigned(), self.request_satisfied()].into(),
            &service.meta.conditions,
        )
    }

    /// Whether the status of `service` shows something else.
    pub(crate) fn differs(&self, service: &Service) -> bool {
        let foreign = service.status_owner == StatusOwner::Foreign;
        let same_addresses = service.status_canonical
            && service.addresses.len() == self.addresses.len()
            && self
                .addresses
                .iter()
                .all(|address| service.addresses.contains(address));
        !(foreign || same_addresses)
            || service.meta.conditions.len() != 2
            || !shown(service, &self.assigned())
            || !shown(service, &self.request_satisfied())
    }

    /// What to tell people when the status of `service` turns into this; `None` when nothing that
    /// they care about changes. `assigned` is the sentence for new addresses.
    pub(crate) fn event(
        &self,
        service: &Service,
        left: &[Left],
        assigned: String,
    ) -> Option<Event> {
        let moved = left
            .iter()
            .filter(|left| !self.addresses.contains(&left.address));
        let lost = moved
            .clone()
            .next()
            .map(|left| left.refusal.reason.as_str());
        let moved: Vec<_> = moved.map(|left| &*left.refusal.message).collect();
        let (condition, changed) = (self.assigned(), |condition: &Condition| {
            let former = service.condition(&condition.kind);
            former.is_none_or(|former| {
                former.status != condition.status || former.reason != condition.reason
            })
        });
        let new = self
            .addresses
            .iter()
            .any(|address| !service.addresses.contains(address));
        if new && !self.addresses.is_empty() {
            return Some(match lost {
                None => event("Assigned", false, assigned),
                Some(reason) => event(reason, true, format!("{assigned}: {}", moved.join(", "))),
            });
        }
        let unsatisfied = self.request_satisfied();
        match &self.refusal {
            Some(refusal) if changed(&condition) || changed(&unsatisfied) => {
                let message = match moved.is_empty() {
                    true => refusal.message.clone(),
                    false => format!("{}; {}", moved.join(", "), refusal.message),
                };
                let reason = lost.unwrap_or(refusal.reason.as_str());
                Some(event(reason, true, message))
            }
            Some(_) => None,
            None if changed(&condition) => Some(event("Assigned", false, assigned)),
            None if changed(&unsatisfied) => Some(event(SATISFIED, false, unsatisfied.message)),
            None => None,
        }
    }

    fn assigned(&self) -> Condition {
        let kind = condition_type::ASSIGNED;
        match &self.refusal {
            Some(refusal) if self.addresses.is_empty() => Condition::on_service(
                kind,
                false,
                refusal.reason.as_str(),
                refusal.message.clone(),
            ),
            _ => {
                let message = format!("has {}", list(&self.addresses));
                Condition::on_service(kind, true, AssignedReason::Assigned.as_str(), message)
            }
        }
    }

    fn request_satisfied(&self) -> Condition {
        let kind = condition_type::REQUEST_SATISFIED;
        match &self.refusal {
            None => Condition::on_service(kind, true, SATISFIED, "has what it asks for"),
            Some(refusal) => {
                let message = match self.addresses.is_empty() {
                    true => refusal.message.clone(),
                    false => format!("has only {}: {}", list(&self.addresses), refusal.message),
                };
                Condition::on_service(kind, false, refusal.reason.as_str(), message)
            }
        }
    }
}

/// `wanted` with the times of those observed conditions whose status stays.
pub(crate) fn with_times(mut wanted: Vec<Condition>, observed: &[Condition]) -> Vec<Condition> {
    for condition in &mut wanted {
        let former = observed.iter().find(|former| former.kind == condition.kind);
        condition.since = former
            .filter(|former| former.status == condition.status)
            .and_then(|former| former.since);
    }
    wanted
}

/// When the Service got what it has, by its status.
pub(crate) fn assigned_since(service: &Service) -> Option<model::Timestamp> {
    let condition = service.condition(condition_type::ASSIGNED)?;
    condition
        .since
        .filter(|_| condition.status == ConditionStatus::True)
}

/// `10.0.0.1 and fd00::1`.
pub(crate) fn list(addresses: &[IpAddr]) -> String {
    let shown: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    shown.join(" and ")
}

fn shown(service: &Service, condition: &Condition) -> bool {
    service
        .condition(&condition.kind)
        .is_some_and(|observed| observed.same(condition))
}

fn event(reason: &'static str, warning: bool, message: String) -> Event {
    Event {
        reason: Cow::Borrowed(reason),
        warning,
        message,
    }
}
