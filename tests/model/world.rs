// SPDX-License-Identifier: MIT
//! What the models share.

use ::copas::capi::dispatcher::{copas_free, copas_new};
use ::copas::capi::poll::copas_poll;
use ::copas::capi::types::{copas, copas_config, copas_event};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

/// Bytes of a stack: the library's own tests run on as much.
const STACK: usize = 1 << 20;
/// More steps than any of the models needs: more is a wait that spins.
const MOST_STEPS: usize = 200_000;
/// How often each scheduler runs a model unless COPAS_MODEL_ROUNDS says otherwise.
const ROUNDS: usize = 1_000;
/// How many changes of the OS thread the second scheduler makes at the worst moments.
const DEPTH: usize = 3;

/// A dispatcher's handle on its way to another OS thread.
pub struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: a handle, which is never dereferenced.
unsafe impl<T> Send for Shared<T> {}

impl<T> Shared<T> {
    pub fn new(handle: *mut T) -> Self {
        Shared(handle)
    }

    pub fn get(self) -> *mut T {
        self.0
    }
}

/// Runs a model in many orders, by two schedulers.
pub fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    let rounds = std::env::var("COPAS_MODEL_ROUNDS").map_or(ROUNDS, |n| n.parse().unwrap());
    run(RandomScheduler::new(rounds), model);
    run(PctScheduler::new(DEPTH, rounds), model);
}

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(model);
}

/// A dispatcher.
pub fn dispatcher() -> *mut copas {
    // SAFETY: numbers and pointers, of which zero is one.
    let mut config: copas_config = unsafe { std::mem::zeroed() };
    config.size = size_of::<copas_config>();
    config.flags = 1;
    config.os_threads = 2;
    // SAFETY: a whole struct with its size.
    let c = unsafe { copas_new(&config) };
    assert!(!c.is_null());
    c
}

/// Frees a dispatcher.
pub fn free(c: *mut copas) {
    assert_eq!(copas_free(c), 0);
}

/// Waits, without a limit, until `count` operations have ended well; their tokens.
pub fn wait_for(c: *mut copas, count: usize) -> Vec<u64> {
    let all = told(c, count).into_iter();
    all.map(|(token, status)| {
        assert_eq!(status, 0);
        token
    })
    .collect()
}

/// Waits, without a limit, until `count` operations have ended; their tokens and how they did.
pub fn told(c: *mut copas, count: usize) -> Vec<(u64, i32)> {
    let mut told = Vec::new();
    while told.len() < count {
        // SAFETY: numbers and pointers, of which zero is one.
        let mut event: copas_event = unsafe { std::mem::zeroed() };
        // SAFETY: one event can be written.
        let filled = unsafe { copas_poll(c, &mut event, 1, -1.0) };
        assert!(filled >= 0, "{filled}");
        if filled == 1 {
            told.push((event.token, event.status));
        }
    }
    told
}
