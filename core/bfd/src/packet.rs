//! The BFD Control packet (RFC 5880 section 4.1).

use alloc::vec::Vec;
use core::time::Duration;

use crate::{Diagnostic, Discarded, State};

/// Octets of a packet without authentication.
const LENGTH: u8 = 24;
const VERSION: u8 = 1;
const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
const AUTHENTICATION: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// A BFD Control packet without authentication. Intervals are microseconds on the wire and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Why the sender's state changed last.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// P: the sender asks for a packet with F.
    pub poll: bool,
    /// F: the answer to a packet with P.
    pub is_final: bool,
    /// C: the sender's BFD does not share fate with its control plane.
    pub control_plane_independent: bool,
    /// D: the sender wants no periodic packets while both are Up.
    pub demand: bool,
    /// Detect Mult, at least 1.
    pub detect_multiplier: u8,
    /// The sender's discriminator, not 0.
    pub my_discriminator: u32,
    /// The receiver's discriminator as the sender knows it, or 0.
    pub your_discriminator: u32,
    /// Desired Min TX Interval, whole microseconds, at most 2^32 - 1 of them; more is written as that.
    pub desired_min_tx: Duration,
    /// Required Min RX Interval, likewise; 0: no periodic packets, please.
    pub required_min_rx: Duration,
    /// Required Min Echo RX Interval, likewise; 0: no echo packets, please.
    pub required_min_echo_rx: Duration,
}

impl Packet {
    /// Octets of a packet.
    pub const LENGTH: usize = LENGTH as usize;

    /// Reads the payload of a datagram, as far as RFC 5880 section 6.8.6 discards packets without looking at a session.
    ///
    /// # Errors
    /// With the first of the section's rules that it does not keep.
    pub fn decode(octets: &[u8]) -> Result<Self, Discarded> {
        let (header, _) = octets
            .split_first_chunk::<{ Self::LENGTH }>()
            .ok_or(Discarded::TooShort)?;
        let [first, flags, detect_multiplier, length, fields @ ..] = header;
        if first >> 5 != VERSION {
            return Err(Discarded::Version);
        }
        if *length < LENGTH {
            return Err(Discarded::TooShort);
        }
        if usize::from(*length) > octets.len() {
            return Err(Discarded::Length);
        }
        if *detect_multiplier == 0 {
            return Err(Discarded::DetectMultiplier);
        }
        if flags & MULTIPOINT != 0 {
            return Err(Discarded::Multipoint);
        }
        let [my, your, tx, rx, echo] = words(fields);
        if my == 0 {
            return Err(Discarded::MyDiscriminator);
        }
        if flags & AUTHENTICATION != 0 {
            return Err(Discarded::Authentication);
        }
        let state = read_state(*flags);
        if your == 0 && matches!(state, State::Init | State::Up) {
            return Err(Discarded::YourDiscriminator);
        }
        Ok(Self {
            diagnostic: Diagnostic::from(*first),
            state,
            poll: flags & POLL != 0,
            is_final: flags & FINAL != 0,
            control_plane_independent: flags & CONTROL_PLANE_INDEPENDENT != 0,
            demand: flags & DEMAND != 0,
            detect_multiplier: *detect_multiplier,
            my_discriminator: my,
            your_discriminator: your,
            desired_min_tx: read_interval(tx),
            required_min_rx: read_interval(rx),
            required_min_echo_rx: read_interval(echo),
        })
    }

    /// Appends its 24 octets.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        out.push(VERSION << 5 | self.diagnostic.code());
        out.push(
            self.state.code() << 6
                | flag(self.poll, POLL)
                | flag(self.is_final, FINAL)
                | flag(self.control_plane_independent, CONTROL_PLANE_INDEPENDENT)
                | flag(self.demand, DEMAND),
        );
        out.push(self.detect_multiplier);
        out.push(LENGTH);
        for word in [
            self.my_discriminator,
            self.your_discriminator,
            write_interval(self.desired_min_tx),
            write_interval(self.required_min_rx),
            write_interval(self.required_min_echo_rx),
        ] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

fn words(octets: &[u8; 20]) -> [u32; 5] {
    let mut words = [0; 5];
    for (word, octets) in words.iter_mut().zip(octets.as_chunks().0) {
        *word = u32::from_be_bytes(*octets);
    }
    words
}

const fn read_state(flags: u8) -> State {
    match flags >> 6 {
        0 => State::AdminDown,
        1 => State::Down,
        2 => State::Init,
        _ => State::Up,
    }
}

/// The one place where microseconds become a `Duration`.
const fn read_interval(micros: u32) -> Duration {
    Duration::from_micros(micros as u64)
}

/// The one place where a `Duration` becomes microseconds.
fn write_interval(interval: Duration) -> u32 {
    u32::try_from(interval.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
