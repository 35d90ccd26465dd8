use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;

use bgp::PeerConfig;
use bgp::wire::PeerType;
use model::Secret;
use tokio::net::{TcpSocket, TcpStream};

use crate::io::socket::{self, Ttls};

/// The TTLs (hop limits) of packets to and from this peer. With GTSM ours start at 255 and those of the peer may have lost
/// one a hop (RFC 5082 section 3). Else an external peer is one hop away unless it is said to be farther.
pub(super) fn ttls(peer: &PeerConfig) -> Ttls {
    if let Some(hops) = peer.ttl_security_hops {
        return Ttls {
            sent: Some(u8::MAX),
            least: (u8::MAX - hops).checked_add(1),
        };
    }
    let external = peer.peer_type() == PeerType::External;
    Ttls {
        sent: peer.multi_hop_ttl.or(external.then_some(1)),
        least: None,
    }
}

/// Connects to the peer. There is no timeout here: the state machine gives up when it is time.
pub(super) async fn dial(peer: PeerConfig, password: Option<Secret>) -> io::Result<TcpStream> {
    let remote = remote(&peer);
    let socket = socket::dialling(remote, ttls(&peer), password.as_ref())?;
    if let Some(source) = peer.source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    let stream = std::net::TcpStream::from(OwnedFd::from(socket));
    TcpSocket::from_std_stream(stream).connect(remote).await
}

/// Where the peer listens.
fn remote(peer: &PeerConfig) -> SocketAddr {
    match (peer.address, &peer.interface) {
        (IpAddr::V6(address), Some(interface)) => {
            SocketAddrV6::new(address, peer.port, 0, interface.index).into()
        }
        (address, _) => SocketAddr::new(address, peer.port),
    }
}

#[cfg(test)]
mod tests {
    use bgp::{Asn, BgpIdentifier};

    use super::*;

    #[test]
    fn a_hop_is_what_a_packet_from_its_maximum_may_have_lost() {
        let asns = [Asn(64512), Asn(64513)];
        let identifier = BgpIdentifier::new(1).unwrap();
        let peer = PeerConfig::new("tor".into(), [192, 0, 2, 1].into(), asns, identifier);
        let with = |hops| {
            let ttls = ttls(&PeerConfig {
                ttl_security_hops: hops,
                ..peer.clone()
            });
            (ttls.sent, ttls.least)
        };
        assert_eq!(with(None), (Some(1), None));
        assert_eq!(with(Some(1)), (Some(255), Some(255)));
        assert_eq!(with(Some(2)), (Some(255), Some(254)));
        assert_eq!(with(Some(254)), (Some(255), Some(2)));
    }
}
