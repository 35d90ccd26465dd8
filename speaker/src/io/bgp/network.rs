use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::Bound;
use std::task::{Context, Poll};

use bgp::{ConnectionId, PeerConfig, PeerName, ScopedAddress};
use model::Secret;
use plan::PlannedPeer;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};

use super::connection::{Connection, Readiness};
use super::dial::{dial, ttls};
use super::listener::Listener;
use crate::io::socket;

/// Octets that are read at once.
const READ: usize = 64 * 1024;

/// All sockets of the driver.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) listener: Listener,
    connections: BTreeMap<ConnectionId, Connection>,
    dials: JoinSet<Dialled>,
    dialling: BTreeMap<ConnectionId, AbortHandle>,
    farewells: JoinSet<()>,
    passwords: BTreeMap<PeerName, Secret>,
    buffer: Vec<u8>,
    /// Served last: the others have their turn first.
    served: ConnectionId,
}

type Dialled = (ConnectionId, PeerConfig, io::Result<TcpStream>);

/// What happened on the network.
#[derive(Debug)]
pub(super) enum Fact {
    Connected {
        connection: ConnectionId,
        peer: Box<PeerConfig>,
        stream: TcpStream,
    },
    ConnectFailed {
        connection: ConnectionId,
        reason: String,
    },
    Accepted {
        stream: TcpStream,
        remote: SocketAddr,
    },
    Readable(ConnectionId),
    Writable,
}

/// What became of writing to all connections.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Those whose socket took something.
    pub(super) took: Vec<ConnectionId>,
    /// Those that are lost, and why.
    pub(super) lost: Vec<(ConnectionId, String)>,
}

impl Network {
    pub(super) fn new(listen: Option<SocketAddr>) -> Self {
        let mut listener = Listener::new(listen);
        listener.bind();
        Self {
            listener,
            connections: BTreeMap::new(),
            dials: JoinSet::new(),
            dialling: BTreeMap::new(),
            farewells: JoinSet::new(),
            passwords: BTreeMap::new(),
            buffer: vec![0; READ],
            served: ConnectionId(0),
        }
    }

    pub(super) fn set_peers(&mut self, peers: &[PlannedPeer]) {
        let password =
            |peer: &PlannedPeer| Some((peer.config.name.clone(), peer.password.clone()?));
        self.passwords = peers.iter().filter_map(password).collect();
        self.listener.set_peers(peers);
    }

    pub(super) fn dial(&mut self, connection: ConnectionId, peer: &PeerConfig) {
        let (peer, password) = (peer.clone(), self.passwords.get(&peer.name).cloned());
        let task = async move { (connection, peer.clone(), dial(peer, password).await) };
        self.dialling.insert(connection, self.dials.spawn(task));
    }

    /// The options of a connection that the peer made.
    pub(super) fn tune(stream: &TcpStream, peer: &PeerConfig) -> io::Result<()> {
        socket::tune(&SockRef::from(stream), peer.address, ttls(peer))
    }

    pub(super) fn insert(&mut self, connection: ConnectionId, stream: TcpStream) {
        self.connections.insert(connection, Connection::new(stream));
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.connections.remove(&connection);
    }

    /// Gives up a dial, or closes a connection after these last words.
    pub(super) fn close(&mut self, connection: ConnectionId, last: Vec<u8>) {
        if let Some(dial) = self.dialling.remove(&connection) {
            dial.abort();
        }
        if let Some(connection) = self.connections.remove(&connection) {
            self.farewells.spawn(connection.close(last));
        }
    }

    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// What has arrived; nothing when nothing has.
    ///
    /// # Errors
    /// Why the connection is over, in words.
    pub(super) fn read(&mut self, connection: ConnectionId) -> Result<Option<&[u8]>, String> {
        let Some(connection) = self.connections.get(&connection) else {
            return Ok(None);
        };
        match connection.read(&mut self.buffer) {
            Ok(Some(0)) => Err("the peer closed the connection".into()),
            Ok(octets) => Ok(octets.and_then(|octets| self.buffer.get(..octets))),
            Err(error) => Err(format!("connection lost: {error}")),
        }
    }

    /// Writes to every connection what `more` has for it.
    pub(super) fn write(
        &mut self,
        mut more: impl FnMut(ConnectionId, &mut Vec<u8>) -> bool,
    ) -> Written {
        let mut written = Written::default();
        for (&id, connection) in &mut self.connections {
            match connection.write(|out| more(id, out)) {
                Ok(true) => written.took.push(id),
                Ok(false) => {}
                Err(error) => {
                    let reason = format!("connection lost: {error}");
                    written.lost.push((id, reason));
                }
            }
        }
        for (id, _) in &written.lost {
            self.connections.remove(id);
        }
        written
    }

    /// The next thing that happens.
    pub(super) async fn next_fact(&mut self) -> Fact {
        poll_fn(|cx| self.poll_fact(cx)).await
    }

    /// All last words are said.
    pub(super) async fn farewells(&mut self) {
        while self.farewells.join_next().await.is_some() {}
    }

    fn poll_fact(&mut self, cx: &mut Context<'_>) -> Poll<Fact> {
        while let Poll::Ready(Some(_)) = self.farewells.poll_join_next(cx) {}
        // A dial that was given up says nothing.
        while let Poll::Ready(Some(dialled)) = self.dials.poll_join_next(cx) {
            let Ok((connection, peer, result)) = dialled else {
                continue;
            };
            if self.dialling.remove(&connection).is_some() {
                return Poll::Ready(Fact::of_dial(connection, peer, result));
            }
        }
        if let Poll::Ready((stream, remote)) = self.listener.poll_accept(cx) {
            return Poll::Ready(Fact::Accepted { stream, remote });
        }
        let after = (Bound::Excluded(self.served), Bound::Unbounded);
        let turns = self
            .connections
            .range(after)
            .chain(self.connections.range(..=self.served));
        for (&id, connection) in turns {
            if let Poll::Ready(ready) = connection.poll_ready(cx) {
                self.served = id;
                return Poll::Ready(match ready {
                    Ok(Readiness::Writable) => Fact::Writable,
                    // What is wrong with it comes out when it is read.
                    Ok(Readiness::Readable) | Err(_) => Fact::Readable(id),
                });
            }
        }
        Poll::Pending
    }
}

impl Fact {
    fn of_dial(connection: ConnectionId, peer: PeerConfig, result: io::Result<TcpStream>) -> Self {
        match result {
            Ok(stream) => Self::Connected {
                connection,
                peer: Box::new(peer),
                stream,
            },
            Err(error) => {
                let from = peer.source.map(|source| format!(" from {source}"));
                let reason = format!(
                    "cannot connect to {} port {}{}: {error}",
                    peer.shown_address(),
                    peer.port,
                    from.unwrap_or_default()
                );
                Self::ConnectFailed { connection, reason }
            }
        }
    }
}

/// Who connected: a link-local address means something on its interface only.
pub(super) fn scoped(remote: SocketAddr) -> ScopedAddress {
    let interface = match remote {
        SocketAddr::V6(remote) if remote.ip().is_unicast_link_local() => Some(remote.scope_id()),
        SocketAddr::V4(_) | SocketAddr::V6(_) => None,
    };
    ScopedAddress {
        address: remote.ip().to_canonical(),
        interface,
    }
}
