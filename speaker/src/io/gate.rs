//! Asks kube-proxy on this node whether it is ready.

use std::{io, net::SocketAddr, time::Duration};

use plan::{Outcome, Probe};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// For one address, from connecting to the status line.
const PATIENCE: Duration = Duration::from_millis(500);
/// `HTTP/1.1 200`
const STATUS_LINE: usize = 12;

/// Sends the request to one address after the other until one answers.
pub(crate) async fn ask(probe: &Probe) -> Outcome {
    for address in &probe.addresses {
        match timeout(PATIENCE, status(SocketAddr::new(*address, probe.port))).await {
            Ok(Ok(true)) => return Outcome::Ready,
            Ok(Ok(false)) => return Outcome::NotReady,
            Ok(Err(_)) | Err(_) => {}
        }
    }
    Outcome::NoAnswer
}

/// Whether `GET /healthz` answers 200.
async fn status(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; STATUS_LINE];
    stream.read_exact(&mut line).await?;
    let http = line.starts_with(b"HTTP/1.");
    http.then(|| line.ends_with(b" 200"))
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use plan::ProbeTarget;
    use tokio::net::TcpListener;

    use super::*;

    /// What a probe finds when one connection is answered with `answer`.
    async fn outcome(answer: &'static [u8]) -> Outcome {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
        };
        let probe = probe(port);
        tokio::join!(ask(&probe), server).0
    }

    fn probe(port: u16) -> Probe {
        let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        Probe {
            target: ProbeTarget::KubeProxy,
            addresses,
            port,
        }
    }

    #[tokio::test]
    async fn tells_200_from_other_answers_and_from_none() {
        assert_eq!(outcome(b"HTTP/1.1 200 OK\r\n\r\n").await, Outcome::Ready);
        let unavailable = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert_eq!(outcome(unavailable).await, Outcome::NotReady);
        assert_eq!(outcome(b"SSH-2.0-OpenSSH_9.2\r\n").await, Outcome::NoAnswer);
        assert_eq!(outcome(b"").await, Outcome::NoAnswer);
    }

    #[tokio::test]
    async fn a_closed_port_is_no_answer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(ask(&probe(port)).await, Outcome::NoAnswer);
    }
}
