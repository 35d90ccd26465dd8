use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use model::Secret;
use plan::PlannedPeer;
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

use crate::io::socket;

/// Where we listen when a peer is passive and nothing else is said.
const BGP_PORT: u16 = 179;

/// The sockets on which peers reach us; there are none unless somebody wants them.
#[derive(Debug, Default)]
pub(super) struct Listener {
    fixed: Option<SocketAddr>,
    wanted: Vec<SocketAddr>,
    bound: BTreeMap<SocketAddr, Bound>,
    errors: BTreeMap<SocketAddr, String>,
    keys: BTreeMap<IpAddr, Secret>,
}

#[derive(Debug)]
struct Bound {
    listener: TcpListener,
    keys: BTreeMap<IpAddr, Secret>,
}

impl Listener {
    /// With an address it listens there always, else on both families as long as a peer is passive.
    pub(super) fn new(fixed: Option<SocketAddr>) -> Self {
        let wanted = fixed.into_iter().collect();
        Self {
            fixed,
            wanted,
            ..Self::default()
        }
    }

    /// Takes over who may connect, and with which keys.
    pub(super) fn set_peers(&mut self, peers: &[PlannedPeer]) {
        let passive = peers.iter().any(|peer| peer.config.passive);
        self.wanted = match self.fixed {
            Some(address) => vec![address],
            None if passive => vec![
                (Ipv4Addr::UNSPECIFIED, BGP_PORT).into(),
                (Ipv6Addr::UNSPECIFIED, BGP_PORT).into(),
            ],
            None => vec![],
        };
        let key = |peer: &PlannedPeer| Some((peer.config.address, peer.password.clone()?));
        self.keys = peers.iter().filter_map(key).collect();
        self.bind();
    }

    /// Opens what is wanted and not open, and closes the rest.
    pub(super) fn bind(&mut self) {
        self.bound
            .retain(|address, _| self.wanted.contains(address));
        self.errors.clear();
        for &address in &self.wanted {
            let result = match self.bound.get_mut(&address) {
                Some(bound) => bound.set_keys(&self.keys),
                None => Bound::open(address, &self.keys).map(|bound| {
                    self.bound.insert(address, bound);
                }),
            };
            match result {
                // A machine without IPv6 is not asked for it.
                Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {}
                Err(error) => {
                    warn!(%address, %error, "cannot listen for BGP peers");
                    self.errors.insert(address, error.to_string());
                }
                Ok(()) => {}
            }
        }
    }

    /// Why we do not listen where we should.
    pub(super) fn error(&self) -> Option<String> {
        let (address, error) = self.errors.first_key_value()?;
        Some(format!("cannot listen on {address}: {error}"))
    }

    /// The addresses on which we listen.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.bound
            .values()
            .filter_map(|bound| bound.listener.local_addr().ok())
            .collect()
    }

    /// The next connection.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        for bound in self.bound.values() {
            match bound.listener.poll_accept(cx) {
                Poll::Ready(Ok(accepted)) => return Poll::Ready(accepted),
                // Tried again with the next event: without descriptors left it would fail at once again.
                Poll::Ready(Err(error)) => warn!(%error, "a connection could not be accepted"),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }
}

impl Bound {
    fn open(address: SocketAddr, keys: &BTreeMap<IpAddr, Secret>) -> io::Result<Self> {
        let socket = socket::listening(address)?;
        let listener = std::net::TcpListener::from(OwnedFd::from(socket));
        let mut bound = Self {
            listener: TcpListener::from_std(listener)?,
            keys: BTreeMap::new(),
        };
        bound.set_keys(keys)?;
        Ok(bound)
    }

    /// Sets the keys that changed. One that the kernel does not take leaves the others as they should be.
    fn set_keys(&mut self, wanted: &BTreeMap<IpAddr, Secret>) -> io::Result<()> {
        let mut result = Ok(());
        let gone: Vec<_> = self
            .keys
            .keys()
            .filter(|address| !wanted.contains_key(address))
            .copied()
            .collect();
        for address in gone {
            self.keys.remove(&address);
            result = result.and(socket::set_md5_key(&self.listener, address, None));
        }
        let family = self.listener.local_addr()?.is_ipv4();
        for (address, key) in wanted
            .iter()
            .filter(|(address, _)| address.is_ipv4() == family)
        {
            if self.keys.get(address) != Some(key) {
                match socket::set_md5_key(&self.listener, *address, Some(key)) {
                    Ok(()) => drop(self.keys.insert(*address, key.clone())),
                    Err(error) => result = result.and(Err(error)),
                }
            }
        }
        result
    }
}
