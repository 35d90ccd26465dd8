//! A stream of BGP messages, as one TCP connection brings it.

use bgp::wire::{DecodeError, Decoder, Dialect, Message, MessageType};

use crate::script::Script;

/// The stream gives the same messages in whatever pieces it comes, and what cannot be read ends it with a NOTIFICATION
/// that can be sent.
pub fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let dialect = script.dialect();
    let piece = usize::from(script.u8()) + 1;
    let stream = script.rest();

    let whole = decode(core::iter::once(stream), &dialect);
    let pieces = decode(stream.chunks(piece), &dialect);
    assert_eq!(whole, pieces);
    whole
        .0
        .into_iter()
        .for_each(|message| write_again(message, &dialect));
    if let Some(error) = whole.1 {
        refuse(&error);
    }
}

/// A message with this body; none when it is longer than any message.
pub(crate) fn framed(message_type: MessageType, body: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(body.len() + 19).ok()?;
    let mut message = vec![0xff; 16];
    message.extend_from_slice(&length.to_be_bytes());
    message.push(message_type.code());
    message.extend_from_slice(body);
    Some(message)
}

/// Reads one message, whole: it is written alike, or refused.
pub(crate) fn read(message: &[u8], dialect: &Dialect) {
    let (messages, error) = decode(core::iter::once(message), dialect);
    assert_eq!(messages.len() + usize::from(error.is_some()), 1);
    messages
        .into_iter()
        .for_each(|message| write_again(message, dialect));
    if let Some(error) = error {
        refuse(&error);
    }
}

/// What was read is written, and read alike; what was wrong with an UPDATE is not written.
fn write_again(mut message: Message, dialect: &Dialect) {
    if let Message::Update(update) = &mut message {
        update.faults.clear();
    }
    let mut octets = Vec::new();
    message.encode(dialect, &mut octets).unwrap();
    let again = decode(core::iter::once(&*octets), dialect);
    assert_eq!(again, (vec![message], None));
}

/// The messages, and why there are no more.
fn decode<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    dialect: &Dialect,
) -> (Vec<Message>, Option<DecodeError>) {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.decode(&mut piece, dialect) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(piece.is_empty(), "all of it was taken");
        assert!(decoder.buffered() <= usize::from(dialect.max_message_length));
    }
    (messages, None)
}

/// The NOTIFICATION for it can be sent to anybody, and read.
pub(crate) fn refuse(error: &DecodeError) {
    let answer = error.to_notification();
    let notification = Message::Notification(answer.clone());
    let dialect = Dialect::initial(bgp::wire::PeerType::External);
    let mut octets = Vec::new();
    notification.encode(&dialect, &mut octets).unwrap();
    let (messages, error) = decode(core::iter::once(&*octets), &dialect);
    let [Message::Notification(read)] = &messages[..] else {
        panic!("{messages:?}, {error:?}");
    };
    assert_eq!((read.error, error), (answer.error, None));
    // What does not fit is cut.
    assert!(answer.data().starts_with(read.data()));
    assert!(octets.len() == 4096 || answer.data() == read.data());
}
