// SPDX-License-Identifier: MIT
//! A dispatcher that is freed at the end, which must succeed.

use ::copas::capi::dispatcher::{copas_free, copas_new};
use ::copas::capi::types::{copas, copas_config};

const QUIET: u64 = 1;

/// A dispatcher of its own.
pub struct Dispatcher(pub *mut copas);

impl Dispatcher {
    pub fn new() -> Self {
        // SAFETY: numbers and pointers, of which zero is one.
        let mut config: copas_config = unsafe { std::mem::zeroed() };
        config.size = size_of::<copas_config>();
        config.flags = QUIET;
        config.os_threads = 2;
        // SAFETY: a whole struct with its size.
        let c = unsafe { copas_new(&config) };
        assert!(!c.is_null());
        Dispatcher(c)
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        assert_eq!(copas_free(self.0), 0);
    }
}
