// SPDX-License-Identifier: MIT
//! The settings of a listening socket's armour.

/// Seconds over which a rate is averaged where nothing else is said: longer than a lost segment or two
/// take to be sent again.
const RATE_WINDOW: f64 = 10.0;

/// What a listening socket bears. Zeros: no such limit.
#[derive(Clone, Copy, Default)]
pub struct Armour {
    /// Most open connections.
    pub max_connections: usize,
    /// Most open connections of one network address.
    pub max_per_address: usize,
    /// Seconds until a client's first byte.
    pub first_byte: f64,
    /// Bytes a second that a peer must send or take while it owes any.
    pub min_rate: usize,
    /// Seconds over which that is averaged.
    pub rate_window: f64,
}

impl Armour {
    /// These, and where they are zeros what was `before`.
    pub fn over(self, before: Armour) -> Armour {
        let number = |new: usize, old: usize| if new == 0 { old } else { new };
        let seconds = |new: f64, old: f64| if new == 0.0 { old } else { new };
        Armour {
            max_connections: number(self.max_connections, before.max_connections),
            max_per_address: number(self.max_per_address, before.max_per_address),
            first_byte: seconds(self.first_byte, before.first_byte),
            min_rate: number(self.min_rate, before.min_rate),
            rate_window: seconds(self.rate_window, before.rate_window),
        }
    }

    /// Whether there is a limit.
    pub fn is_any(&self) -> bool {
        self.max_connections != 0
            || self.max_per_address != 0
            || self.first_byte != 0.0
            || self.min_rate != 0
            || self.rate_window != 0.0
    }

    /// Seconds over which a rate is averaged.
    pub(super) fn window(&self) -> f64 {
        if self.rate_window == 0.0 {
            RATE_WINDOW
        } else {
            self.rate_window
        }
    }

    /// Bytes that a peer must send or take within a window.
    pub(super) fn least_bytes(&self) -> u64 {
        (self.min_rate as f64 * self.window()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays_as_before() {
        let before = Armour {
            max_connections: 7,
            first_byte: 2.5,
            ..Armour::default()
        };
        let new = Armour {
            max_connections: 9,
            max_per_address: 3,
            ..Armour::default()
        };
        let both = new.over(before);
        assert!(both.max_connections == 9 && both.max_per_address == 3);
        assert!(both.first_byte == 2.5 && both.is_any() && !Armour::default().is_any());
    }
}
