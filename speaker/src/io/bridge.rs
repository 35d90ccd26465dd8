//! The bridge that the CNI plugin makes for `cni.type` Bridge, and that no plugin ever removes.

use std::io;

use netlink_packet_core::Parseable as _;
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
};
use netlink_sys::protocols::NETLINK_ROUTE;
use plan::CniConfig;

use super::netlink::socket::{self, Message, Socket};

/// What became of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bridge {
    /// There was none.
    None,
    /// It is gone.
    Removed,
    /// So many interfaces are attached to it, so it stays.
    InUse(usize),
}

/// Removes the bridge when nothing is attached to it.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn remove() -> io::Result<Bridge> {
    socket::wait_for(async {
        let mut socket = Socket::open(NETLINK_ROUTE, &[])?;
        let mut links = Vec::new();
        let question = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let keep = |message: Message<'_>| links.extend(LinkMessage::parse(message.payload).ok());
        socket.ask(question, true, keep).await?;
        let Some((index, bridge)) = judge(&links) else {
            return Ok(Bridge::None);
        };
        if bridge == Bridge::Removed {
            let mut message = LinkMessage::default();
            message.header.index = index;
            let removal = RouteNetlinkMessage::DelLink(message);
            socket.ask(removal, false, |_| {}).await?;
        }
        Ok(bridge)
    })
}

/// The bridge's index, and what is to become of it.
fn judge(links: &[LinkMessage]) -> Option<(u32, Bridge)> {
    let bridge = links.iter().find(|link| is_ours(link))?;
    let index = bridge.header.index;
    let attached =
        |link: &&LinkMessage| link.attributes.contains(&LinkAttribute::Controller(index));
    match links.iter().filter(attached).count() {
        0 => Some((index, Bridge::Removed)),
        ports => Some((index, Bridge::InUse(ports))),
    }
}

fn is_ours(link: &LinkMessage) -> bool {
    let name = LinkAttribute::IfName(CniConfig::BRIDGE.to_owned());
    let is_bridge = |attribute: &LinkAttribute| {
        let LinkAttribute::LinkInfo(infos) = attribute else {
            return false;
        };
        infos.contains(&LinkInfo::Kind(InfoKind::Bridge))
    };
    link.attributes.contains(&name) && link.attributes.iter().any(is_bridge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, kind: InfoKind, controller: Option<u32>) -> LinkMessage {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]),
        ];
        link.attributes
            .extend(controller.map(LinkAttribute::Controller));
        link
    }

    #[test]
    fn removes_our_bridge_when_nothing_is_attached_to_it() {
        let bridge = link(3, "herald0", InfoKind::Bridge, None);
        let other = link(4, "docker0", InfoKind::Bridge, None);
        let pod = |controller| link(5, "veth1", InfoKind::Veth, Some(controller));
        assert_eq!(judge(std::slice::from_ref(&other)), None);
        let links = [bridge.clone(), other.clone(), pod(4)];
        assert_eq!(judge(&links), Some((3, Bridge::Removed)));
        let links = [bridge, other, pod(3)];
        assert_eq!(judge(&links), Some((3, Bridge::InUse(1))));
    }

    #[test]
    fn an_interface_of_that_name_that_is_no_bridge_is_not_ours() {
        assert_eq!(judge(&[link(3, "herald0", InfoKind::Dummy, None)]), None);
    }
}
