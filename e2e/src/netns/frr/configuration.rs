//! What FRR's daemons are told in their files.

use super::super::PeerSettings;
use super::super::peer::BfdSettings;

/// Of bfdd: one profile, or nothing.
pub(super) fn bfdd(settings: Option<&BfdSettings>) -> String {
    let Some(settings) = settings else {
        return String::new();
    };
    let BfdSettings {
        transmit,
        receive,
        multiplier,
    } = settings;
    format!(
        "bfd\n\
         \x20profile herald\n\
         \x20 transmit-interval {transmit}\n\
         \x20 receive-interval {receive}\n\
         \x20 detect-multiplier {multiplier}\n"
    )
}

/// Of bgpd.
pub(super) fn bgpd(settings: &PeerSettings) -> String {
    let PeerSettings {
        asn,
        our_asn,
        hold_time,
        ..
    } = settings;
    let us = settings.our_name();
    let remote_as = match settings.interface {
        Some(_) => format!("interface remote-as {our_asn}"),
        None => format!("remote-as {our_asn}"),
    };
    let options = options(settings, &us);
    let families: String = settings
        .families()
        .iter()
        .map(|family| {
            format!(
                " address-family {family} unicast\n  neighbor {us} activate\n exit-address-family\n"
            )
        })
        .collect();
    format!(
        "hostname tor\n\
         domainname example.net\n\
         debug bgp neighbor-events\n\
         router bgp {asn}\n\
         \x20bgp router-id {}\n\
         \x20no bgp ebgp-requires-policy\n\
         \x20no bgp network import-check\n\
         \x20no bgp default ipv4-unicast\n\
         \x20timers bgp {} {hold_time}\n\
         \x20neighbor {us} {remote_as}\n\
         \x20neighbor {us} timers connect 1\n\
         {options}{families}",
        settings.identifier(),
        hold_time / 3,
    )
}

/// What is special about the session.
fn options(settings: &PeerSettings, us: &str) -> String {
    let mut options = String::new();
    if settings.passive {
        options.push_str(&format!(" neighbor {us} passive\n"));
    }
    if settings.multi_hop {
        options.push_str(&format!(
            " neighbor {us} ebgp-multihop 8\n neighbor {us} update-source {}\n",
            settings.address
        ));
    }
    if let Some(hops) = settings.ttl_security_hops {
        options.push_str(&format!(" neighbor {us} ttl-security hops {hops}\n"));
    }
    if settings.bfd.is_some() {
        options.push_str(&format!(
            " neighbor {us} bfd\n neighbor {us} bfd profile herald\n"
        ));
    }
    if settings.bfd_heeds_restart {
        options.push_str(&format!(" neighbor {us} bfd check-control-plane-failure\n"));
    }
    if settings.graceful_restart {
        options.push_str(" bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n");
    }
    if let Some(password) = &settings.password {
        options.push_str(&format!(" neighbor {us} password {password}\n"));
    }
    options
}
