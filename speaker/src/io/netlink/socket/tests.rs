use super::*;

fn error(code: i32, texts: &[u8]) -> Vec<u8> {
    [&code.to_ne_bytes(), &[0; 16][..], texts].concat()
}

#[test]
fn says_in_words_why_the_kernel_refused() {
    let texts = [&[10, 0, 1, 0][..], b"no dev", &[0, 0]].concat();
    let payload = error(-libc::ENETUNREACH, &texts);
    let refusal = verdict(&Message::new(NLMSG_ERROR, &payload, 0)).unwrap_err();
    assert_eq!(refusal.errno, Errno::ENETUNREACH);
    assert_eq!(refusal.to_string(), "Network is unreachable (no dev)");
    let payload = error(-libc::EPERM, &[]);
    let refusal = verdict(&Message::new(NLMSG_ERROR, &payload, 0)).unwrap_err();
    assert_eq!(refusal.to_string(), "Operation not permitted");
}

#[test]
fn an_acknowledgement_has_the_error_number_zero() {
    let payload = error(0, &[]);
    assert_eq!(verdict(&Message::new(NLMSG_ERROR, &payload, 0)), Ok(()));
    assert_eq!(verdict(&Message::new(NLMSG_DONE, &[], 0)), Ok(()));
}

#[test]
fn reads_message_after_message_and_stops_at_what_is_none() {
    let header = |length: u32, kind: u16| {
        [
            &length.to_ne_bytes()[..],
            &kind.to_ne_bytes(),
            &[0, 0, 7, 0, 0, 0, 9, 0, 0, 0],
        ]
        .concat()
    };
    let bytes = [
        header(17, 24),
        vec![1, 0, 0, 0],
        header(16, 25),
        header(90, 26),
    ]
    .concat();
    let (first, rest) = decode(&bytes).unwrap();
    assert_eq!((first.kind, first.payload), (24, &[1][..]));
    assert_eq!((first.sequence, first.port), (7, 9));
    let (second, rest) = decode(rest).unwrap();
    assert_eq!((second.kind, second.payload), (25, &[][..]));
    assert!(decode(rest).is_none());
}
