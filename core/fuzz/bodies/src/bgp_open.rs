//! The body of an OPEN, and what a speaker makes of it.

use std::time::Duration;

use bgp::wire::{Dialect, MessageType, PeerType};
use bgp::{Asn, BgpIdentifier, LocalAddresses, Notice, PeerConfig, RemoteAsn, Speaker, State};

use crate::bgp_message::{framed, read};

/// The OPEN that could be read is written alike, and leads to OpenConfirm or to a NOTIFICATION.
pub fn run(octets: &[u8]) {
    let Some(message) = framed(MessageType::Open, octets) else {
        return;
    };
    read(&message, &Dialect::initial(PeerType::External));

    let now = Duration::from_secs(1);
    let config = PeerConfig {
        remote_asn: RemoteAsn::External,
        ..PeerConfig::new(
            "peer".into(),
            [192, 0, 2, 2].into(),
            [Asn(64512), Asn(64513)],
            BgpIdentifier::new(1).unwrap(),
        )
    };
    let mut speaker = Speaker::new(1);
    speaker.handle_peers(now, [config]);
    let addresses = LocalAddresses {
        local: [192, 0, 2, 1].into(),
        ipv4: None,
        ipv6: None,
        on_link: true,
    };
    let dialled = take_notices(&mut speaker).find_map(|notice| {
        let Notice::Dial(dial) = notice else {
            return None;
        };
        Some(dial.connection)
    });
    let connection = dialled.unwrap();
    speaker.handle_connected(now, connection, addresses);
    speaker.handle_bytes(now, connection, &message);
    let last = take_notices(&mut speaker).find_map(|notice| {
        let Notice::Close { last, .. } = notice else {
            return None;
        };
        Some(last)
    });
    let state = speaker.sessions().next().unwrap().state;
    assert_eq!(last.is_none(), state == State::OpenConfirm);
    if let Some(last) = last {
        assert_eq!(last[18], 1, "our OPEN first");
        let open = usize::from(u16::from_be_bytes([last[16], last[17]]));
        assert_eq!(last[open + 18], 3, "and then the NOTIFICATION");
    }
}

fn take_notices(speaker: &mut Speaker) -> impl Iterator<Item = Notice> {
    core::iter::from_fn(|| speaker.poll_notice())
}
