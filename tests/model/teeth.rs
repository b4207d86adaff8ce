// SPDX-License-Identifier: MIT
//! The checker finds a lost wake-up: one that is planted here.

use crate::world::check;
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;
use std::sync::Arc;

/// A flag, and who waits for it.
struct Flag(Mutex<bool>, Condvar);

#[test]
#[should_panic(expected = "deadlock")]
fn a_planted_lost_wake_up_is_found() {
    check(|| {
        let flag = Arc::new(Flag(Mutex::new(false), Condvar::new()));
        let own = Arc::clone(&flag);
        let raiser = thread::spawn(move || {
            *own.0.lock().unwrap() = true;
            own.1.notify_one();
        });
        // Between the look and the wait the lock is free: the defect.
        let raised = *flag.0.lock().unwrap();
        if !raised {
            drop(flag.1.wait(flag.0.lock().unwrap()));
        }
        raiser.join().unwrap();
    });
}
