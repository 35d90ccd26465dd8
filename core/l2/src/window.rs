/// Which sequence numbers have been seen: the highest, and which of the 63 below it (as RFC 4303 section 3.4.3 has it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    highest: u64,
    /// Bit n: `highest - n` was seen.
    seen: u64,
}

impl Window {
    /// Notes the number; `false` when it was seen before or lies too far back to tell.
    pub(crate) fn take(&mut self, sequence: u64) -> bool {
        if self.seen == 0 || sequence > self.highest {
            let ahead = sequence.saturating_sub(self.highest);
            let shift = u32::try_from(ahead).ok();
            self.seen = shift.and_then(|by| self.seen.checked_shl(by)).unwrap_or(0) | 1;
            self.highest = sequence;
            return true;
        }
        let bit = u32::try_from(self.highest - sequence)
            .ok()
            .and_then(|back| 1_u64.checked_shl(back));
        match bit {
            Some(bit) if self.seen & bit == 0 => {
                self.seen |= bit;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_each_number_once_in_any_order() {
        let mut window = Window::default();
        for sequence in [5, 3, 4, 70, 69, 7, u64::MAX] {
            assert!(window.take(sequence), "{sequence}");
            assert!(!window.take(sequence), "{sequence} again");
        }
    }

    #[test]
    fn refuses_what_lies_too_far_back() {
        let mut window = Window::default();
        assert!(window.take(100));
        assert!(window.take(37) && !window.take(36) && !window.take(0));
    }
}
