//! Waiting for notifications that concern us.

use std::io;

use tokio::time::{Instant, timeout_at};

use super::{
    COALESCE,
    socket::{Message, Socket},
};

/// What a while of listening brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) enum Heard {
    /// Something that concerns us; what came in a burst with it is heard, too.
    Concern,
    /// The kernel had more to tell than the buffer holds: anything may have happened.
    Lost,
    /// Nothing until the end.
    Nothing,
}

impl Socket {
    /// Listens until something concerns us, at most until `until`. `judge` is shown every notification and says whether one
    /// so far did.
    ///
    /// # Errors
    /// The socket failed.
    pub(in crate::io) async fn listen(
        &mut self,
        mut until: Instant,
        mut judge: impl FnMut(&Message<'_>) -> bool,
    ) -> io::Result<Heard> {
        let mut concerned = false;
        loop {
            let heard = self.receive(|message| concerned |= judge(&message));
            match timeout_at(until, heard).await {
                Ok(Ok(())) if !concerned => {}
                Ok(Ok(())) => until = until.min(Instant::now() + COALESCE),
                Ok(Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(Heard::Lost);
                }
                Ok(Err(error)) => return Err(error),
                Err(_) if concerned => return Ok(Heard::Concern),
                Err(_) => return Ok(Heard::Nothing),
            }
        }
    }
}
