//! RFC 9687: the peer's KEEPALIVEs keep the hold timer quiet, but what we send stays in the socket.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use bgp::wire::attr::AsPath;
use bgp::wire::{Dialect, Message, PeerType};
use bgp::{Asn, HoldTime, PeerSet, Prefix, Route, RouteAttributes};
use socket2::{Domain, Socket, Type};

use super::{Changes, Duration, advertising, pair, peer, peers, wait_for};

#[test]
fn a_peer_that_reads_nothing_is_dropped() {
    let ([_, listener], port) = pair();
    let mut deaf = peer(1, 1, None);
    deaf.config.hold_time = HoldTime::new(3).unwrap();
    deaf.config.send_hold = Some(Duration::from_secs(4));
    listener.apply(peers(deaf));
    listener.apply(Changes {
        routes: bulky_routes(),
        ..Changes::default()
    });
    wait_for(&listener, |seen| seen.sessions.first().map(drop));
    let mut stream = narrow_stream(port);
    stream.write_all(&advertising(0)).unwrap();
    let (ended, until) = channel::<()>();
    let error = thread::scope(|scope| {
        scope.spawn(move || {
            let keepalive = keepalive();
            let second = Duration::from_secs(1);
            while until.recv_timeout(second) == Err(RecvTimeoutError::Timeout)
                && stream.write_all(&keepalive).is_ok()
            {}
        });
        let error = wait_for(&listener, |seen| seen.sessions.first()?.last_error.clone());
        drop(ended);
        error
    });
    let expected = "send hold timer expired: the peer has read nothing for 4 s";
    assert_eq!(error, expected);
    let counters = listener.observed().borrow().sessions[0].counters;
    assert_eq!(counters.notifications_sent, 1);
}

/// Eight megabytes of UPDATEs, one for each prefix: more than the buffers of both sockets take.
fn bulky_routes() -> BTreeMap<Prefix, Vec<Route>> {
    let route = |number| {
        let attributes = RouteAttributes {
            as_path: AsPath::sequence(&[Asn(64600); 250]),
            multi_exit_disc: Some(number),
            ..RouteAttributes::default()
        };
        Route {
            peers: PeerSet::All,
            attributes: attributes.into(),
        }
    };
    let prefix = |number| Prefix::host(Ipv4Addr::from_bits(0x0a00_0000 + number).into());
    (0..8_000)
        .map(|number| (prefix(number), vec![route(number)]))
        .collect()
}

/// A connection whose receive buffer holds little.
fn narrow_stream(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let listener = SocketAddr::from(([127, 0, 0, 1], port));
    socket.connect(&listener.into()).unwrap();
    socket.into()
}

fn keepalive() -> Vec<u8> {
    let mut octets = vec![];
    let dialect = Dialect::initial(PeerType::External);
    Message::Keepalive.encode(&dialect, &mut octets).unwrap();
    octets
}
