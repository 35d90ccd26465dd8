//! A peer that says anything: messages are bytes made by hand, so that nothing is shared with the code under test.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Message types (RFC 4271 section 4.1, RFC 2918).
pub(crate) const OPEN: u8 = 1;
pub(crate) const UPDATE: u8 = 2;
pub(crate) const NOTIFICATION: u8 = 3;
pub(crate) const KEEPALIVE: u8 = 4;
pub(crate) const ROUTE_REFRESH: u8 = 5;

/// Its AS.
pub(crate) const ASN: u16 = 64512;

/// One connection that we were dialled on.
pub(crate) struct RawPeer {
    stream: TcpStream,
}

impl RawPeer {
    pub(crate) async fn listen(address: Ipv4Addr) -> Result<TcpListener> {
        TcpListener::bind(SocketAddr::from((address, 0)))
            .await
            .context("listen")
    }

    pub(crate) async fn accept(listener: &TcpListener) -> Result<Self> {
        let (stream, _) = listener.accept().await?;
        Ok(Self { stream })
    }

    /// Exchanges OPEN and KEEPALIVE.
    pub(crate) async fn establish(&mut self) -> Result<()> {
        self.send(&open(4, ASN, 90, [10, 0, 9, 2])).await?;
        self.send(&message(KEEPALIVE, &[])).await?;
        for expected in [OPEN, KEEPALIVE] {
            let (kind, body) = self.read().await?;
            if kind != expected {
                bail!("message type {kind} instead of {expected}: {body:?}");
            }
        }
        Ok(())
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await.context("send")
    }

    /// The next message: type and body.
    pub(crate) async fn read(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut header = [0; 19];
        self.stream
            .read_exact(&mut header)
            .await
            .context("read a header")?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        let mut body = vec![0; length.checked_sub(19).context("short message")?];
        self.stream
            .read_exact(&mut body)
            .await
            .context("read a body")?;
        Ok((header[18], body))
    }

    /// Code and subcode of the NOTIFICATION that comes next, whatever else comes before it.
    pub(crate) async fn notification(&mut self) -> Result<(u8, u8)> {
        loop {
            let (kind, body) = self.read().await?;
            if kind == NOTIFICATION {
                return Ok((body[0], body[1]));
            }
        }
    }

    /// Asks for the IPv4 routes again and waits for them: what was sent before has been read by then, and the
    /// session lives.
    pub(crate) async fn ask_for_routes(&mut self) -> Result<()> {
        self.send(&message(ROUTE_REFRESH, &[0, 1, 0, 1])).await?;
        loop {
            let (kind, body) = self.read().await?;
            match kind {
                NOTIFICATION => bail!("NOTIFICATION {body:?}"),
                UPDATE if body.ends_with(&[32, 192, 0, 2, 10]) => return Ok(()),
                _ => {}
            }
        }
    }
}

/// A message with a right header.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    header(0xff, body.len() as u16 + 19, kind, body)
}

/// A message with any header.
pub(crate) fn header(marker: u8, length: u16, kind: u8, body: &[u8]) -> Vec<u8> {
    [
        &[marker; 16],
        length.to_be_bytes().as_slice(),
        &[kind],
        body,
    ]
    .concat()
}

/// OPEN with the capabilities IPv4 unicast and route refresh.
pub(crate) fn open(version: u8, asn: u16, hold_time: u16, identifier: [u8; 4]) -> Vec<u8> {
    let capabilities = [2, 8, 1, 4, 0, 1, 0, 1, 2, 0];
    let numbers = [asn.to_be_bytes(), hold_time.to_be_bytes()].concat();
    let length = [capabilities.len() as u8];
    message(
        OPEN,
        &[
            &[version],
            numbers.as_slice(),
            &identifier,
            &length,
            &capabilities,
        ]
        .concat(),
    )
}

/// A path attribute with a length of one octet.
pub(crate) fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    [&[flags, kind, value.len() as u8], value].concat()
}

/// UPDATE without withdrawn routes.
pub(crate) fn update(attributes: &[Vec<u8>], nlri: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let length = (attributes.len() as u16).to_be_bytes();
    message(
        UPDATE,
        &[&[0, 0], length.as_slice(), &attributes, nlri].concat(),
    )
}
