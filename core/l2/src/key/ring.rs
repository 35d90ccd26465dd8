use alloc::vec::Vec;
use core::time::Duration;

use ring::{digest, hmac};

use super::{Key, Unauthentic};

/// How long a key has to be known here before it signs: by then every node has it.
const SETTLED: Duration = Duration::from_secs(30);
/// How long a key that was removed is understood: by then no node signs with it.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Most keys that are understood at a time.
const MOST_KEYS: usize = 8;
/// Octets of a key identifier.
const IDENTIFIER: usize = 4;
/// Octets of a tag.
const TAG: usize = 32;

/// The keys that are valid now. Rotation leaves no gap while every node learns a change within 30 s:
///
/// * A key that was added signs once it has been known here for 30 s; of several, the newest such does.
/// * A key that was removed is understood for 10 min more. It signs only while no other key may, as after all keys were
///   replaced at once.
/// * When no key is known for long enough, as after the start, the oldest signs.
///
/// A datagram is a message, 4 octets of SHA-256("herald heartbeat key" ‖ key), which identify the key, and the HMAC-SHA256
/// (RFC 2104) over both.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    /// Removed ones first, by when; then those of the Secret, oldest first.
    keys: Vec<Known>,
}

/// One key.
#[derive(Clone, Debug)]
struct Known {
    key: Key,
    identifier: [u8; IDENTIFIER],
    hmac: hmac::Key,
    /// Since when it is known here.
    since: Duration,
    /// When it was removed.
    removed: Option<Duration>,
}

impl KeyRing {
    /// Octets that key identifier and tag add to a message.
    pub const OVERHEAD: usize = IDENTIFIER + TAG;

    /// Takes the keys as the Secret has them, oldest first. Of more than 8 the newest are taken.
    pub fn handle_keys(&mut self, now: Duration, keys: Vec<Key>) {
        let mut before = core::mem::take(&mut self.keys);
        let mut present: Vec<Known> = Vec::new();
        let surplus = keys.len().saturating_sub(MOST_KEYS);
        for key in keys.into_iter().skip(surplus) {
            if present.iter().any(|known| known.key == key) {
                continue;
            }
            let at = before.iter().position(|known| known.key == key);
            let since = at.map_or(now, |at| before.remove(at).since);
            present.push(Known::new(key, since));
        }
        for known in &mut before {
            known.removed.get_or_insert(now);
        }
        before.retain(|known| known.is_understood(now));
        // The one that was removed first is forgotten first.
        let surplus = (before.len() + present.len()).saturating_sub(MOST_KEYS);
        before.drain(..surplus.min(before.len()));
        before.append(&mut present);
        self.keys = before;
    }

    /// Forgets what was removed long ago. Nothing but [`Self::has_key`] depends on it.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.keys.retain(|known| known.is_understood(now));
    }

    /// Whether there is a key to sign with.
    pub fn has_key(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Appends key identifier and tag to a message; `false` without a key.
    pub fn seal(&self, now: Duration, message: &mut Vec<u8>) -> bool {
        let Some(known) = self.signer(now) else {
            return false;
        };
        message.extend_from_slice(&known.identifier);
        let tag = hmac::sign(&known.hmac, message);
        message.extend_from_slice(tag.as_ref());
        true
    }

    /// The message in an authentic datagram.
    ///
    /// # Errors
    /// It is not.
    pub fn open<'a>(&self, now: Duration, datagram: &'a [u8]) -> Result<&'a [u8], Unauthentic> {
        let (signed, tag) = datagram
            .split_last_chunk::<TAG>()
            .ok_or(Unauthentic::Short)?;
        let (message, identifier) = signed
            .split_last_chunk::<IDENTIFIER>()
            .ok_or(Unauthentic::Short)?;
        let mut failure = Unauthentic::UnknownKey;
        for known in &self.keys {
            if known.identifier != *identifier || !known.is_understood(now) {
                continue;
            }
            if hmac::verify(&known.hmac, signed, tag).is_ok() {
                return Ok(message);
            }
            failure = Unauthentic::WrongTag;
        }
        Err(failure)
    }

    fn signer(&self, now: Duration) -> Option<&Known> {
        let present = || self.keys.iter().filter(|known| known.removed.is_none());
        let settled = |known: &&Known| known.is_settled(now);
        let understood = |known: &&Known| known.is_understood(now);
        present()
            .rfind(settled)
            .or_else(|| self.keys.iter().filter(understood).rfind(settled))
            .or_else(|| self.keys.iter().find(understood))
    }
}

impl Known {
    fn new(key: Key, since: Duration) -> Self {
        Self {
            identifier: identify(&key),
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &key.0),
            key,
            since,
            removed: None,
        }
    }

    fn is_settled(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= SETTLED
    }

    fn is_understood(&self, now: Duration) -> bool {
        self.removed
            .is_none_or(|removed| now.saturating_sub(removed) < REMEMBERED)
    }
}

/// Says which key it is and nothing about it.
fn identify(key: &Key) -> [u8; IDENTIFIER] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"herald heartbeat key");
    context.update(&key.0);
    let digest = context.finish();
    // SHA-256 gives more than 4 octets.
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}
