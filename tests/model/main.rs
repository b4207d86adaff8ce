// SPDX-License-Identifier: MIT
//! The wake-ups between OS threads under a model checker, which runs the library's own code in orders of
//! its choice and sees whoever sleeps for ever: scripts/check-model. Nothing without `--cfg shuttle`.
#![cfg(shuttle)]

mod fleet;
mod handlers;
mod inbox;
mod mailboxes;
mod pools;
mod teeth;
mod world;
