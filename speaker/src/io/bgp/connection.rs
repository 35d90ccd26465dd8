use std::io;
use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the last words may take on their way.
const FAREWELL: Duration = Duration::from_secs(2);
/// Larger buffers are given back once they are empty.
const KEPT_CAPACITY: usize = 16 * 1024;

/// One TCP connection, with what is being written on it: never more than one batch of the speaker.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
}

/// What a connection is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Readable,
    Writable,
}

impl Connection {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            out: Vec::new(),
            written: 0,
        }
    }

    /// Reads what is there; nothing when nothing is. Zero octets: the peer closed.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.try_read(buffer) {
            Ok(octets) => Ok(Some(octets)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what `more` has to say until it is silent or the socket is full; whether the socket took anything.
    pub(super) fn write(&mut self, mut more: impl FnMut(&mut Vec<u8>) -> bool) -> io::Result<bool> {
        let mut any = false;
        loop {
            if self.written == self.out.len() {
                self.written = 0;
                self.out.clear();
                if !more(&mut self.out) {
                    self.out.shrink_to(KEPT_CAPACITY);
                    return Ok(any);
                }
            }
            match self
                .stream
                .try_write(self.out.get(self.written..).unwrap_or_default())
            {
                Ok(octets) => {
                    self.written += octets;
                    any |= octets > 0;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(any),
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Readiness>> {
        if self.written < self.out.len()
            && let Poll::Ready(result) = self.stream.poll_write_ready(cx)
        {
            return Poll::Ready(result.map(|()| Readiness::Writable));
        }
        let result = ready!(self.stream.poll_read_ready(cx));
        Poll::Ready(result.map(|()| Readiness::Readable))
    }

    /// Says the last words and closes so that they arrive: what the peer still sends is read, as closing over it would
    /// reset the connection.
    pub(super) async fn close(mut self, last: Vec<u8>) {
        let mut out = mem::take(&mut self.out).split_off(self.written);
        out.extend(last);
        let farewell = async {
            self.stream.write_all(&out).await?;
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // The peer may be gone: then nobody is left to hear it.
        let _ = timeout(FAREWELL, farewell).await;
    }
}
