use alloc::vec::Vec;
use core::net::IpAddr;

use k8s_openapi::api::discovery::v1;

use crate::{AddressFamily, Name, ServiceKey};

/// One EndpointSlice, parsed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EndpointSlice {
    /// `metadata.name`; unique in the Service's namespace.
    pub name: Name,
    /// The Service of label `kubernetes.io/service-name`.
    pub service: ServiceKey,
    /// `addressType`.
    pub family: AddressFamily,
    /// `endpoints[]`.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Endpoint {
    /// `endpoints[].addresses[0]`.
    pub address: IpAddr,
    /// `endpoints[].nodeName`.
    pub node: Option<Name>,
    /// `endpoints[].conditions`.
    pub state: EndpointState,
}

/// State of an endpoint, worst first: of several slices with one address the best wins.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum EndpointState {
    /// Neither ready nor serving.
    Unusable,
    /// Serving while terminating.
    ServingTerminating,
    /// Ready.
    Ready,
}

impl EndpointSlice {
    /// Parses an EndpointSlice; `None` when it belongs to no Service or is of addressType FQDN.
    /// Endpoints without a usable address of the slice's family are left out.
    pub fn parse(object: &v1::EndpointSlice) -> Option<Self> {
        let key = ServiceKey::parse(&object.metadata)?;
        let service = object
            .metadata
            .labels
            .as_ref()?
            .get("kubernetes.io/service-name")?;
        let family = match object.address_type.as_str() {
            "IPv4" => AddressFamily::IPv4,
            "IPv6" => AddressFamily::IPv6,
            _ => return None,
        };
        let endpoints = object
            .endpoints
            .iter()
            .flatten()
            .filter_map(Endpoint::parse);
        Some(Self {
            service: ServiceKey::new(key.namespace, service.as_str()),
            name: key.name,
            family,
            endpoints: endpoints
                .filter(|e| AddressFamily::of(e.address) == family)
                .collect(),
        })
    }

    /// Namespace and name of the slice itself.
    pub fn key(&self) -> ServiceKey {
        ServiceKey::new(self.service.namespace.clone(), self.name.clone())
    }
}

impl Endpoint {
    fn parse(object: &v1::Endpoint) -> Option<Self> {
        Some(Self {
            address: object.addresses.first()?.parse().ok()?,
            node: object.node_name.as_deref().map(Into::into),
            state: EndpointState::parse(object.conditions.as_ref()),
        })
    }
}

impl EndpointState {
    /// Absent: `ready` is true, `serving` is `ready`, `terminating` is false.
    fn parse(conditions: Option<&v1::EndpointConditions>) -> Self {
        let ready = conditions
            .and_then(|conditions| conditions.ready)
            .unwrap_or(true);
        let serving = conditions
            .and_then(|conditions| conditions.serving)
            .unwrap_or(ready);
        let terminating = conditions
            .and_then(|conditions| conditions.terminating)
            .unwrap_or(false);
        match (ready, serving, terminating) {
            (true, ..) => Self::Ready,
            (false, true, true) => Self::ServingTerminating,
            (false, ..) => Self::Unusable,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn parse(yaml: &str) -> Option<EndpointSlice> {
        EndpointSlice::parse(&serde_yaml_ng::from_str(yaml).unwrap())
    }

    fn state(conditions: &str) -> EndpointState {
        let yaml = format!(
            "{{metadata: {{namespace: n, name: s-1, labels: {{kubernetes.io/service-name: s}}}}, addressType: \
             IPv4, endpoints: [{{addresses: [10.1.0.1], nodeName: a, conditions: {{{conditions}}}}}]}}"
        );
        parse(&yaml).unwrap().endpoints[0].state
    }

    #[test]
    fn fills_in_absent_conditions() {
        for (conditions, expected) in [
            ("", EndpointState::Ready),
            ("ready: true", EndpointState::Ready),
            ("ready: false", EndpointState::Unusable),
            ("ready: false, serving: true", EndpointState::Unusable),
            (
                "ready: false, serving: true, terminating: true",
                EndpointState::ServingTerminating,
            ),
            (
                "ready: false, serving: false, terminating: true",
                EndpointState::Unusable,
            ),
            ("ready: false, terminating: true", EndpointState::Unusable),
            (
                "ready: true, serving: true, terminating: true",
                EndpointState::Ready,
            ),
        ] {
            assert_eq!(state(conditions), expected, "{conditions}");
        }
    }

    #[test]
    fn keeps_usable_endpoints_of_its_own_family() {
        let slice = parse(
            "{metadata: {namespace: n, name: s-1, labels: {kubernetes.io/service-name: s}}, addressType: \
             IPv6, endpoints: [{addresses: ['fd00::1']}, {addresses: [10.0.0.1]}, {addresses: []}]}",
        )
        .unwrap();
        assert_eq!(
            (slice.endpoints.len(), slice.endpoints[0].node.as_deref()),
            (1, None)
        );
        assert_eq!(slice.service, ServiceKey::new("n", "s"));
    }

    #[test]
    fn leaves_out_slices_of_no_service_or_of_names() {
        assert_eq!(
            parse("{metadata: {namespace: n, name: s-1}, addressType: IPv4, endpoints: []}"),
            None
        );
        let fqdn = "{metadata: {namespace: n, name: s-1, labels: {kubernetes.io/service-name: s}}, \
                    addressType: FQDN, endpoints: []}";
        assert_eq!(parse(fqdn), None);
    }
}
