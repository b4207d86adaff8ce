// SPDX-License-Identifier: MIT
//! A dispatcher whose names the tests make up.

use copas::capi::dispatcher::{copas_free, copas_new};
use copas::capi::offload::copas_resolve;
use copas::capi::types::{copas as Copas, copas_address};
use std::ffi::{CStr, CString, c_int};
use std::net::IpAddr;
use std::ptr::null;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

pub const OK: c_int = 0;
pub const TIMEOUT: c_int = -1;

/// A dispatcher whose names are made up.
pub struct Names {
    pub c: *mut Copas,
    pub lookups: Arc<AtomicUsize>,
}

impl Names {
    pub fn new(
        lookup: impl Fn(&str) -> Result<Vec<IpAddr>, String> + Send + Sync + 'static,
    ) -> Self {
        // SAFETY: NULL stands for the default settings.
        let c = unsafe { copas_new(null()) };
        let lookups = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lookups);
        copas::testing::use_lookup(c, move |name| {
            count.fetch_add(1, SeqCst);
            lookup(name)
        });
        Names { c, lookups }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        assert_eq!(copas_free(self.c), OK);
    }
}

/// Resolves a name: how that ended, and the first addresses.
pub fn resolve(c: *mut Copas, name: &str, seconds: f64) -> (c_int, Vec<String>) {
    let name = CString::new(name).unwrap();
    let mut count = 0;
    let empty = || copas_address {
        family: 0,
        port: 0,
        host: [0; 112],
    };
    let mut addresses: [copas_address; 4] = [empty(), empty(), empty(), empty()];
    // SAFETY: the name is terminated, the rest writable.
    let status = unsafe {
        copas_resolve(
            c,
            name.as_ptr(),
            seconds,
            addresses.as_mut_ptr(),
            4,
            &mut count,
        )
    };
    let told = addresses[..count.min(4)].iter().map(|address| {
        // SAFETY: the host is terminated.
        unsafe { CStr::from_ptr(address.host.as_ptr()) }
            .to_string_lossy()
            .into_owned()
    });
    (status, told.collect())
}

/// Two addresses, whatever the name.
pub fn two(_: &str) -> Result<Vec<IpAddr>, String> {
    Ok(vec!["127.0.0.2".parse().unwrap(), "::1".parse().unwrap()])
}

/// Holds lookups up until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<(bool, usize)>, Condvar)>);

impl Gate {
    /// A lookup that waits for the gate and then gives two addresses.
    pub fn lookup(&self) -> impl Fn(&str) -> Result<Vec<IpAddr>, String> + Send + Sync + 'static {
        let gate = self.clone();
        move |name| {
            gate.pass();
            two(name)
        }
    }

    /// Waits for it to open; counted once that is over.
    pub fn pass(&self) {
        let mut state = self.wait(|state| state.0);
        state.1 += 1;
        self.0.1.notify_all();
    }

    pub fn open(&self) {
        self.0.0.lock().unwrap().0 = true;
        self.0.1.notify_all();
    }

    /// Waits until so many have passed.
    pub fn wait_until_done(&self, count: usize) {
        drop(self.wait(|state| state.1 >= count));
    }

    fn wait(&self, holds: impl Fn(&(bool, usize)) -> bool) -> MutexGuard<'_, (bool, usize)> {
        let state = self.0.0.lock().unwrap();
        let patience = Duration::from_secs(60);
        let (state, time) = self
            .0
            .1
            .wait_timeout_while(state, patience, |state| !holds(state))
            .unwrap();
        assert!(!time.timed_out(), "the gate stayed closed");
        state
    }
}
