use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use bgp::PeerConfig;
use bgp::wire::PeerType;
use model::Secret;
use tokio::net::{TcpSocket, TcpStream};

use crate::io::socket;

/// The TTL (hop limit) of packets to this peer; none: the system's. An external peer is one hop away unless it is said to
/// be farther.
pub(super) fn ttl(peer: &PeerConfig) -> Option<u8> {
    let external = peer.peer_type() == PeerType::External;
    peer.multi_hop_ttl.or(external.then_some(1))
}

/// Connects to the peer. There is no timeout here: the state machine gives up when it is time.
pub(super) async fn dial(peer: PeerConfig, password: Option<Secret>) -> io::Result<TcpStream> {
    let remote = SocketAddr::new(peer.address, peer.port);
    let socket = socket::dialling(remote, ttl(&peer), password.as_ref())?;
    let stream = std::net::TcpStream::from(OwnedFd::from(socket));
    TcpSocket::from_std_stream(stream).connect(remote).await
}
