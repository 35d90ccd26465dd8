use alloc::{format, string::String, vec::Vec};

use bgp::Prefix;
pub use crds::{CniType, EgressSource, PodNetworkMode};
use ipnet::IpNet;

use crate::{CommunityList, Condition, Meta, Name, Parsed, Rejection, advertisement::parse_number};

/// The spec of PodNetwork `default`, parsed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PodNetwork {
    /// Whether Herald is the pod network, or only advertises that of another CNI.
    pub mode: PodNetworkMode,
    /// The cluster's pod ranges; not empty in mode Network.
    pub pod_cidrs: Vec<Prefix>,
    /// Whether each node advertises its own pod CIDRs.
    pub advertise: bool,
    /// BGPPeers to which they are advertised and from which they are learned; empty: all peers of the node.
    pub peers: Vec<Name>,
    /// Communities of these routes.
    pub communities: CommunityList,
    /// LOCAL_PREF of these routes; `None`: 100.
    pub local_pref: Option<u32>,
    /// Routes to nodes of the same subnet.
    pub direct: bool,
    /// Routes that are learned by BGP.
    pub import: bool,
    /// BFDProfile by which nodes of one subnet watch over the ways to each other.
    pub bfd_profile: Option<Name>,
    /// Whether what pods send outside is translated.
    pub masquerade: bool,
    /// To which address.
    pub egress_source: EgressSource,
    /// Destinations for which it is not.
    pub exclude_cidrs: Vec<Prefix>,
    /// How pods are attached to the node.
    pub cni_type: CniType,
    /// Whether a CNI configuration is written.
    pub cni_install: bool,
}

impl PodNetwork {
    /// Name of the only object.
    pub const NAME: &str = "default";

    /// Parses a PodNetwork.
    pub fn parse(object: &crds::PodNetwork) -> Parsed<Self> {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        let meta = Meta::parse(&object.metadata, conditions.map(Condition::parse).collect());
        let value = parse_name(&meta.name).and_then(|()| Self::parse_spec(&object.spec));
        Parsed { meta, value }
    }

    fn parse_spec(spec: &crds::PodNetworkSpec) -> Result<Self, Rejection> {
        let pod_cidrs = parse_networks("spec.podCIDRs", &spec.pod_cidrs)?;
        if let Some(index) = pod_cidrs.iter().position(|range| range.length() == 0) {
            return Err(Rejection::new(
                format!("spec.podCIDRs[{index}]"),
                "it is the whole address space",
                "write the cluster's range, such as 10.244.0.0/16",
            ));
        }
        if spec.mode == PodNetworkMode::Network && pod_cidrs.is_empty() {
            return Err(Rejection::new(
                "spec.podCIDRs",
                "it is empty in mode Network",
                "list the cluster's pod ranges, those of the controller manager's --cluster-cidr",
            ));
        }
        let advertise = &spec.advertise;
        Ok(Self {
            mode: spec.mode,
            pod_cidrs,
            advertise: advertise.enabled,
            peers: advertise
                .peers
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            communities: CommunityList::parse(
                "spec.advertise.communities",
                &advertise.communities,
            )?,
            local_pref: parse_number("spec.advertise.localPref", advertise.local_pref)?,
            direct: spec.routes.direct,
            import: spec.routes.import,
            bfd_profile: parse_profile(spec)?,
            masquerade: spec.egress.masquerade,
            egress_source: spec.egress.source,
            exclude_cidrs: parse_networks("spec.egress.excludeCIDRs", &spec.egress.exclude_cidrs)?,
            cni_type: spec.cni.kind,
            cni_install: spec.cni.install,
        })
    }
}

fn parse_profile(spec: &crds::PodNetworkSpec) -> Result<Option<Name>, Rejection> {
    let field = "spec.routes.bfdProfile";
    match spec.routes.bfd_profile.as_deref() {
        None => Ok(None),
        Some("") => Err(Rejection::new(
            field,
            "the name is empty",
            "name a BFDProfile, or leave bfdProfile out for direct routes without BFD",
        )),
        Some(_) if !spec.routes.direct => Err(Rejection::new(
            field,
            "it watches over direct routes, and there are none",
            "set direct to true or remove bfdProfile",
        )),
        Some(name) => Ok(Some(name.into())),
    }
}

fn parse_name(name: &str) -> Result<(), Rejection> {
    match name == PodNetwork::NAME {
        true => Ok(()),
        false => Err(Rejection::new(
            "metadata.name",
            format!("\"{name}\" is not the one name that counts"),
            "name the object default",
        )),
    }
}

fn parse_networks(field: &str, entries: &[String]) -> Result<Vec<Prefix>, Rejection> {
    let parse = |(index, text): (usize, &String)| {
        let network = text.parse::<IpNet>().ok();
        let exact = network.filter(|network| network.trunc() == *network);
        exact.map(Prefix::from).ok_or_else(|| {
            Rejection::new(
                format!("{field}[{index}]"),
                format!("\"{text}\" is no network"),
                "write its first address and the length, such as 10.244.0.0/16 or fd00:10:244::/56",
            )
        })
    };
    entries.iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parse(name: &str, spec: &str) -> Result<PodNetwork, String> {
        let spec = serde_yaml_ng::from_str(spec).unwrap();
        let parsed = PodNetwork::parse(&crds::PodNetwork::new(name, spec));
        parsed.value.map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn does_everything_unless_told_otherwise() {
        let network = parse("default", "{mode: Network, podCIDRs: [10.244.0.0/16]}").unwrap();
        let parts = [
            network.advertise,
            network.direct,
            network.import,
            network.masquerade,
            network.cni_install,
        ];
        assert_eq!(parts, [true; 5]);
        assert_eq!(
            (network.cni_type, network.egress_source),
            (CniType::Ptp, EgressSource::Auto)
        );
    }

    #[test]
    fn one_part_can_be_switched_off_alone() {
        let network = parse(
            "default",
            "{mode: Network, podCIDRs: ['fd00:10:244::/56'], egress: {masquerade: false}, routes: {import: false}}",
        )
        .unwrap();
        assert!(!network.masquerade && !network.import && network.direct && network.cni_install);
    }

    #[test]
    fn refuses_what_makes_no_sense_naming_it() {
        for (name, spec, sentence) in [
            (
                "other",
                "{mode: Advertise}",
                "metadata.name: \"other\" is not the one name that counts; name the object default",
            ),
            (
                "default",
                "{mode: Network}",
                "spec.podCIDRs: it is empty in mode Network; list the cluster's pod ranges, those of the controller \
                 manager's --cluster-cidr",
            ),
            (
                "default",
                "{mode: Advertise, podCIDRs: [10.244.0.0/16, 10.245.1.0/16]}",
                "spec.podCIDRs[1]: \"10.245.1.0/16\" is no network; write its first address and the length, such as \
                 10.244.0.0/16 or fd00:10:244::/56",
            ),
            (
                "default",
                "{mode: Advertise, podCIDRs: ['::/0']}",
                "spec.podCIDRs[0]: it is the whole address space; write the cluster's range, such as 10.244.0.0/16",
            ),
            (
                "default",
                "{mode: Advertise, routes: {direct: false, bfdProfile: fast}}",
                "spec.routes.bfdProfile: it watches over direct routes, and there are none; set direct to true or remove \
                 bfdProfile",
            ),
            (
                "default",
                "{mode: Advertise, advertise: {localPref: -1}}",
                "spec.advertise.localPref: -1 is out of range; use 0 to 4294967295",
            ),
        ] {
            assert_eq!(parse(name, spec).unwrap_err(), sentence);
        }
    }
}
