use std::{io, net::SocketAddr};

use axum::Router;
use tokio::net::TcpListener;

/// An HTTP server whose port is taken, and that answers once it runs.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

/// The port is not to be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({source}); give {flag}=ADDRESS:PORT that is free")]
pub struct BindError {
    address: SocketAddr,
    flag: &'static str,
    source: io::Error,
}

impl Server {
    /// Takes the port. `flag` is the one that chose `address`, for the error's sentence.
    ///
    /// # Errors
    /// The address is not this host's, or the port is taken or forbidden.
    pub async fn bind(address: SocketAddr, flag: &'static str) -> Result<Self, BindError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| BindError {
                address,
                flag,
                source,
            })?;
        Ok(Self { listener })
    }

    /// Where it listens; the port is a real one even when 0 was asked for.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until the process ends.
    pub async fn run(self, router: Router) {
        if let Err(error) = axum::serve(self.listener, router).await {
            tracing::error!(%error, "HTTP server ended");
        }
    }
}
