//! A netlink socket: questions with all their answers, many changes at once, and notifications.

use std::{fmt, io, mem, time::Duration};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable, NlasIterator,
};
use netlink_sys::{AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket};
use nix::{
    errno::Errno,
    sys::socket::{setsockopt, sockopt},
};
use tokio::time::timeout;

/// One datagram of the kernel is never longer: it fills its buffers to 32 KiB at most (af_netlink.c, netlink_dump).
const DATAGRAM: usize = 64 * 1024;
/// Room for what the kernel tells while we are busy.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Room for one transaction of nf_tables, which has to be one datagram.
const SEND_BUFFER: usize = 16 << 20;
/// Changes that are sent before their acknowledgements are read: those must fit the receive buffer.
const PIPELINE: usize = 128;
/// The kernel answers at once; a lost answer must not stop us for ever.
const PATIENCE: Duration = Duration::from_secs(30);
/// Text in an extended acknowledgement (linux/netlink.h).
const NLMSGERR_ATTR_MSG: u16 = 1;

/// A netlink socket of one protocol, in the network namespace of the thread that opened it.
pub(in crate::io) struct Socket {
    inner: TokioSocket,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

/// A message of the kernel.
#[derive(Clone, Copy, Debug)]
pub(in crate::io) struct Message<'a> {
    /// `nlmsg_type`.
    pub(in crate::io) kind: u16,
    /// `nlmsg_flags`.
    flags: u16,
    /// `nlmsg_seq`.
    sequence: u32,
    /// `nlmsg_pid`: the socket whose request this answers, or that caused what it tells of.
    pub(in crate::io) port: u32,
    /// What follows the header.
    pub(in crate::io) payload: &'a [u8],
}

/// The kernel said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io) struct Refusal {
    /// Why.
    pub(in crate::io) errno: Errno,
    /// The same in the words of the part that refused, if it has any.
    words: Option<String>,
}

/// A change that is asked for: message and flags (`NLM_F_CREATE` and its like).
pub(in crate::io) type Request<T> = (T, u16);

impl Socket {
    /// A socket of the protocol that hears the multicast groups.
    ///
    /// # Errors
    /// The kernel has no such protocol, or we have no descriptor left.
    pub(in crate::io) fn open(protocol: isize, groups: &[u32]) -> io::Result<Self> {
        let mut inner = TokioSocket::new(protocol)?;
        let socket = inner.socket_mut();
        let port = socket.bind_auto()?.port_number();
        socket.connect(&SocketAddr::new(0, 0))?;
        // Older kernels know neither; then dumps are not filtered and errors have no text.
        let _ = socket.set_netlink_get_strict_chk(true);
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        // Without CAP_NET_ADMIN the buffers stay as they are, and nothing else would work either.
        let _ = setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
        let _ = setsockopt(socket, sockopt::SndBufForce, &SEND_BUFFER);
        for group in groups {
            socket.add_membership(*group)?;
        }
        Ok(Self {
            inner,
            port,
            sequence: 0,
            buffer: Vec::with_capacity(DATAGRAM),
        })
    }

    /// Its port: notifications of what was done through this socket carry it.
    pub(in crate::io) fn port(&self) -> u32 {
        self.port
    }

    /// All answers to a question: with `NLM_F_DUMP` a list.
    ///
    /// # Errors
    /// The kernel refused (see [`refusal`]), or the list changed while it was read (`Interrupted`).
    pub(in crate::io) async fn ask<T: NetlinkSerializable>(
        &mut self,
        question: T,
        dump: bool,
        mut answer: impl FnMut(Message<'_>),
    ) -> io::Result<()> {
        let flags = if dump { NLM_F_DUMP } else { NLM_F_ACK };
        let sequence = self.next();
        let bytes = encode(question, NLM_F_REQUEST | flags, sequence);
        self.send(&bytes).await?;
        let (mut done, mut interrupted) = (None, false);
        while done.is_none() {
            self.receive_answer(|message| {
                if message.sequence != sequence || done.is_some() {
                    return;
                }
                interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
                match message.kind {
                    NLMSG_DONE | NLMSG_ERROR => done = Some(verdict(&message)),
                    _ => answer(message),
                }
            })
            .await?;
        }
        done.unwrap_or(Ok(())).map_err(io::Error::other)?;
        match interrupted {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(()),
        }
    }

    /// Asks for many changes, each on its own; what became of each, in the same order.
    ///
    /// # Errors
    /// The socket failed; what was done is not known.
    pub(in crate::io) async fn change<T: NetlinkSerializable>(
        &mut self,
        requests: Vec<Request<T>>,
    ) -> io::Result<Vec<Result<(), Refusal>>> {
        let mut results = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let first = self.sequence.wrapping_add(1);
            let mut bytes = Vec::new();
            let mut count = 0;
            for (message, flags) in requests.by_ref().take(PIPELINE) {
                let flags = NLM_F_REQUEST | NLM_F_ACK | flags;
                bytes.extend(encode(message, flags, self.next()));
                count += 1;
            }
            self.send(&bytes).await?;
            results.extend(self.acknowledgements(first, count, None).await?);
        }
        Ok(results)
    }

    /// Asks for many changes of which all or none are made: `begin` and `end` enclose them.
    ///
    /// # Errors
    /// The socket failed, or the kernel refused (see [`refusal`]).
    pub(in crate::io) async fn transact<T: NetlinkSerializable>(
        &mut self,
        begin: T,
        changes: Vec<Request<T>>,
        end: T,
    ) -> io::Result<()> {
        let opening = self.next();
        let mut bytes = encode(begin, NLM_F_REQUEST, opening);
        let count = changes.len();
        for (message, flags) in changes {
            let flags = NLM_F_REQUEST | NLM_F_ACK | flags;
            bytes.extend(encode(message, flags, self.next()));
        }
        bytes.extend(encode(end, NLM_F_REQUEST, self.next()));
        self.send(&bytes).await?;
        let first = opening.wrapping_add(1);
        let results = self.acknowledgements(first, count, Some(opening)).await?;
        results
            .into_iter()
            .collect::<Result<(), _>>()
            .map_err(io::Error::other)
    }

    /// Waits for the next datagram of notifications, and shows what is in it.
    ///
    /// # Errors
    /// `ENOBUFS`: the kernel had more to tell than the buffer holds.
    pub(in crate::io) async fn receive(
        &mut self,
        mut each: impl FnMut(Message<'_>),
    ) -> io::Result<()> {
        self.buffer.clear();
        self.inner.recv(&mut self.buffer).await?;
        let mut rest = self.buffer.as_slice();
        while let Some((message, tail)) = decode(rest) {
            each(message);
            rest = tail;
        }
        Ok(())
    }

    async fn receive_answer(&mut self, each: impl FnMut(Message<'_>)) -> io::Result<()> {
        timeout(PATIENCE, self.receive(each)).await?
    }

    /// The acknowledgements of `count` requests from `first` on. One of the `opening` speaks for all.
    async fn acknowledgements(
        &mut self,
        first: u32,
        count: usize,
        opening: Option<u32>,
    ) -> io::Result<Vec<Result<(), Refusal>>> {
        let mut results = vec![None; count];
        let mut missing = count;
        while missing > 0 {
            let mut refused = None;
            self.receive_answer(|message| {
                if message.kind != NLMSG_ERROR {
                    return;
                }
                if opening == Some(message.sequence) {
                    refused = verdict(&message).err();
                }
                let index = usize::try_from(message.sequence.wrapping_sub(first));
                let slot = index.ok().and_then(|index| results.get_mut(index));
                if let Some(slot @ None) = slot {
                    *slot = Some(verdict(&message));
                    missing -= 1;
                }
            })
            .await?;
            if let Some(refusal) = refused {
                return Err(io::Error::other(refusal));
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.send(bytes).await.map(drop)
    }

    fn next(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }
}

#[cfg(test)]
impl<'a> Message<'a> {
    /// One that the kernel might have sent.
    pub(in crate::io) fn new(kind: u16, payload: &'a [u8], port: u32) -> Self {
        Self {
            kind,
            flags: 0,
            sequence: 0,
            port,
            payload,
        }
    }
}

/// The refusal in an error of this module, if it is one.
pub(in crate::io) fn refusal(error: &io::Error) -> Option<&Refusal> {
    error.get_ref()?.downcast_ref()
}

/// Runs a future to its end on a thread of its own, whatever runs on this one.
///
/// # Errors
/// Those of the future, or there is no thread left.
pub(in crate::io) fn wait_for<T: Send>(
    future: impl Future<Output = io::Result<T>> + Send,
) -> io::Result<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(future)
    };
    std::thread::scope(|scope| {
        let ended = scope.spawn(run).join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.errno.desc())?;
        match &self.words {
            Some(words) => write!(f, " ({words})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, words: None }
    }
}

fn encode<T: NetlinkSerializable>(message: T, flags: u16, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    (header.flags, header.sequence_number) = (flags, sequence);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len().next_multiple_of(4)];
    message.serialize(&mut bytes);
    bytes
}

/// The first message, and what follows it.
fn decode(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let buffer = NetlinkBuffer::new_checked(bytes).ok()?;
    let length = usize::try_from(buffer.length()).ok()?;
    let message = Message {
        kind: buffer.message_type(),
        flags: buffer.flags(),
        sequence: buffer.sequence_number(),
        port: buffer.port_number(),
        payload: bytes.get(mem::size_of::<libc::nlmsghdr>()..length)?,
    };
    let tail = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((message, tail))
}

/// What an acknowledgement or the end of a list says (struct nlmsgerr: the error, the header of the request, texts).
fn verdict(message: &Message<'_>) -> Result<(), Refusal> {
    let Some((code, rest)) = message.payload.split_first_chunk() else {
        return Ok(());
    };
    // The end of a list may have a length in the same place.
    let code = i32::from_ne_bytes(*code);
    if code >= 0 {
        return Ok(());
    }
    let texts = rest.get(mem::size_of::<libc::nlmsghdr>()..);
    let mut texts = NlasIterator::new(texts.unwrap_or_default()).flatten();
    let words = texts.find(|text| text.kind() == NLMSGERR_ATTR_MSG);
    let words = words.map(|text| {
        let words = String::from_utf8_lossy(text.value());
        words.trim_end_matches('\0').to_owned()
    });
    Err(Refusal {
        errno: Errno::from_raw(code.saturating_neg()),
        words,
    })
}

#[cfg(test)]
mod tests;
