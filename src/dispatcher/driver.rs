// SPDX-License-Identifier: MIT
//! What the dispatcher asks of the layer above it, which owns the sockets.

use super::Dispatcher;
use super::deadline::Deadline;
use super::handle::Handle;
use super::statistics::Counts;
use std::any::Any;

/// What the kernel says of a descriptor.
#[derive(Clone, Copy)]
pub struct Readiness {
    /// Something can be read, or the end of the stream.
    pub readable: bool,
    /// Something can be written.
    pub writable: bool,
    /// The peer has ended its direction, or the connection broke: reading goes on to the end.
    pub hangup: bool,
}

/// The owner of what the kernel reports on.
pub trait Driver: Any {
    /// The kernel reports on a source.
    fn ready(&self, d: &Dispatcher, source: Handle, readiness: Readiness);
    /// A source that was put into the ready queue has its turn; as how many operations it counts.
    fn turn(&self, d: &Dispatcher, source: Handle) -> u32;
    /// A source's deadline has passed.
    fn due(&self, d: &Dispatcher, source: Handle);
    /// Acts on a source's deadline, if the source still exists.
    fn with_deadline(&self, source: Handle, act: &mut dyn FnMut(&Deadline));
    /// A coroutine parks, yields or ends, or a callback returns: write what it has sent.
    fn settle(&self, d: &Dispatcher);
    /// Whether something was sent that waits to be written.
    fn is_unsettled(&self) -> bool;
    /// A coroutine has ended: what was lent to it comes back.
    fn ended(&self, thread: Handle);
    /// All events are delivered: what those of closed sockets lent comes back.
    fn delivered(&self, d: &Dispatcher);
    /// A shutdown starts: end all servers. With `serves_rest` the connections that the kernel has taken
    /// for them are served.
    fn stop_servers(&self, d: &Dispatcher, serves_rest: bool);
    /// The dispatcher is freed: close everything.
    fn close(&self, d: &Dispatcher);
    /// The dispatcher was inherited by fork: close everything, write nothing.
    fn let_go(&self);
    /// What a source is called, if it still exists.
    fn name(&self, source: Handle) -> Option<String>;
    /// How many sockets it has, and what they wait for.
    fn counts(&self) -> Counts;
    /// A generation that none of its handles has had.
    fn next_generation(&self) -> u32;
}
