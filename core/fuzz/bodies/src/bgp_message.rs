//! A stream of BGP messages, as one TCP connection brings it.

use bgp::wire::{DecodeError, Decoder, Dialect, Message};

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
    if let (_, Some(error)) = whole {
        refuse(&error);
    }
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
