//! Heartbeats as somebody on the segment hears and forges them.

use std::fs::File;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};

use crate::bench::Capture;
use crate::machine::Machine;
use crate::segment::{GUEST, GUEST_INTERFACE};

/// What a UDP datagram carries.
pub type Datagram = Vec<u8>;

/// Ethernet and IPv4 header, without options, and UDP header.
const HEADERS: usize = 14 + 20 + 8;

/// The next `count` heartbeats to 224.0.0.1, from any node.
///
/// # Errors
/// When they do not come within half a minute.
pub async fn hear(count: usize) -> Result<Vec<Datagram>> {
    let filter = format!(
        "udp dst port {} and dst host 224.0.0.1",
        l2::heartbeat::PORT
    );
    let mut capture = Capture::on(&GUEST.namespace(), GUEST_INTERFACE, &filter)?;
    let hearing = async {
        let mut heard = Vec::new();
        while heard.len() < count {
            let packet = capture.next().await?;
            heard.extend(packet.bytes.get(HEADERS..).map(<[u8]>::to_vec));
        }
        Ok(heard)
    };
    tokio::time::timeout(Duration::from_secs(30), hearing)
        .await
        .context("no heartbeats on the segment")?
}

/// Sends datagrams from the guest to the port of heartbeats.
///
/// # Errors
/// When the guest's kernel refuses.
pub async fn send(to: IpAddr, datagrams: Vec<Datagram>) -> Result<()> {
    GUEST
        .inside(move || {
            let socket = UdpSocket::bind(match to {
                IpAddr::V4(_) => "0.0.0.0:0",
                IpAddr::V6(_) => "[::]:0",
            })?;
            let to = SocketAddr::new(to, l2::heartbeat::PORT);
            for datagram in datagrams {
                socket.send_to(&datagram, to)?;
            }
            Ok(())
        })
        .await
}

impl Machine {
    /// Runs something that blocks on a thread in the network namespace of the container.
    ///
    /// # Errors
    /// Those of `work`, and when there is no such namespace.
    pub async fn inside<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = format!("/run/netns/{}", self.namespace());
        let (done, result) = tokio::sync::oneshot::channel();
        // The thread is left in that namespace, so it is of no use to anybody else.
        std::thread::spawn(move || {
            let entered = || {
                setns(File::open(&path)?, CloneFlags::CLONE_NEWNET)?;
                work()
            };
            let _ = done.send(entered());
        });
        result.await.context("the thread has panicked")?
    }
}
