use alloc::vec::Vec;

use proptest::prelude::*;

use super::{decode_all, encode};
use crate::wire::generator::{self, DIALECT};
use crate::wire::{EncodeError, Message};

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(message in generator::message()) {
        let octets = encode(&message, &DIALECT);
        prop_assert!(octets.len() <= usize::from(DIALECT.max_message_length));
        prop_assert_eq!(decode_all(&octets, &DIALECT).unwrap(), [message]);
    }

    #[test]
    fn messages_follow_each_other(messages in prop::collection::vec(generator::message(), 0..5)) {
        let octets: Vec<u8> = messages.iter().flat_map(|m| encode(m, &DIALECT)).collect();
        prop_assert_eq!(decode_all(&octets, &DIALECT).unwrap(), messages);
    }

    #[test]
    fn a_message_that_is_too_long_leaves_the_buffer_alone(
        update in generator::raw_update(), limit in 19..200u16
    ) {
        let dialect = crate::wire::Dialect { max_message_length: limit, ..DIALECT };
        let mut out = Vec::from([7]);
        match Message::Update(update).encode(&dialect, &mut out) {
            Ok(()) => prop_assert!(out.len() <= usize::from(limit) + 1),
            Err(error) => {
                prop_assert_eq!(error, EncodeError::TooLong { limit });
                prop_assert_eq!(out, [7]);
            }
        }
    }
}
