// SPDX-License-Identifier: MIT
//! The C ABI. Nothing is decided here: an export checks its arguments, looks its handle up, calls
//! one function of the layers below, and turns the outcome into a status. Their comments are the
//! reference of the header, which build.rs generates from them.
#![allow(non_camel_case_types)]
// What a caller has to keep is said in each comment in C's terms; the header is the contract.
#![allow(clippy::missing_safety_doc)]

pub mod alarm;
pub mod armour;
pub mod bind;
mod choice;
pub mod datagram;
pub mod dispatcher;
#[cfg(feature = "faults")]
pub mod faults;
pub mod fleet;
pub mod future;
pub mod group;
mod guard;
pub mod lock;
pub mod mailbox;
mod memory;
pub mod offload;
pub mod option_types;
pub mod poll;
pub mod queue;
pub mod scope;
pub mod select;
pub mod semaphore;
pub mod server;
pub mod socket;
pub mod stack;
pub mod stats;
pub mod status;
pub mod stream;
pub mod submit;
pub mod submit_open;
pub mod submit_wait;
pub mod thread;
pub mod timer;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
pub mod tls_types;
pub mod types;
mod user;
pub mod watch;

pub use core::ffi::c_int;

/// How a call ended: the numbers of the C enum.
pub type copas_status = c_int;

/// The handle of a dispatcher's pointer, for the crate's own tests.
pub(crate) fn handle(c: *const types::copas) -> Option<crate::dispatcher::Handle> {
    guard::handle_of(c).ok()
}
