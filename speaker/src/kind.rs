use model::Kind;

/// The kind as the API names it.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Settings => "ConfigMap",
        Kind::Pool => "IPAddressPool",
        Kind::Peer => "BGPPeer",
        Kind::Advertisement => "BGPAdvertisement",
        Kind::Service => "Service",
        Kind::EndpointSlice => "EndpointSlice",
        Kind::Node => "Node",
        Kind::Namespace => "Namespace",
        Kind::Secret => "Secret",
        Kind::ServiceCidr => "ServiceCIDR",
    }
}
