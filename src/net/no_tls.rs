// SPDX-License-Identifier: MIT
//! The place of encryption in a library without it: no session and no context can exist, so that
//! nothing of it is left in the program.

use super::server::Server;
use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome};
use std::cell::OnceCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// The place of a session, which stays empty.
pub type Slot = OnceCell<Session>;

/// There is none.
pub enum Session {}

/// There is none.
pub enum Context {}

impl Session {
    /// Nothing.
    pub fn is_handshaking(&self) -> bool {
        match *self {}
    }

    /// Nothing.
    pub fn unsent(&self) -> usize {
        match *self {}
    }

    /// Nothing.
    pub fn came(&self) -> u64 {
        match *self {}
    }

    /// Nothing.
    pub fn memory(&self) -> usize {
        match *self {}
    }

    /// Nothing.
    pub fn give_up(&self) {
        match *self {}
    }

    /// Nothing.
    pub fn note_readable(&self) {
        match *self {}
    }

    /// Nothing.
    pub fn is_dry(&self) -> bool {
        match *self {}
    }

    /// Nothing.
    pub fn failure(&self) -> Option<Fault> {
        match *self {}
    }

    /// Nothing.
    pub fn may_send_on(&self) -> bool {
        match *self {}
    }

    /// Nothing.
    pub fn note_broken(&self, _: i32) {
        match *self {}
    }

    /// Nothing.
    pub fn read(&self, _: &Socket, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    /// Nothing.
    pub fn write(&self, _: &Socket, _: &[u8], _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    /// Nothing.
    pub fn end(&self) -> bool {
        match *self {}
    }

    /// Nothing.
    pub fn awaits_word(&self, _: &Socket) -> bool {
        match *self {}
    }

    /// Nothing.
    pub fn is_arriving(&self) -> bool {
        match *self {}
    }
}

/// Nobody counts them.
pub const HANDSHAKE_OPERATIONS: u32 = 1;

/// How a client's connection would be encrypted.
pub type Peer = (Arc<Context>, ());

/// Nothing.
pub async fn securing(
    _: Rc<Dispatcher>,
    _: Rc<Socket>,
    context: Arc<Context>,
    (): (),
    _: f64,
) -> Outcome<()> {
    match *context {}
}

/// Accepted connections on their way to a handler: none.
pub mod arrival {
    use super::{Arc, Context, Dispatcher, Outcome, Rc, Server, Socket};

    /// Nothing.
    pub fn begin(
        _: &Dispatcher,
        _: &Rc<Socket>,
        context: &Arc<Context>,
        _: f64,
        _: (&Rc<Server>, &Rc<Socket>),
    ) -> Outcome<()> {
        match **context {}
    }

    /// Nothing.
    pub fn advance(_: &Dispatcher, _: &Rc<Socket>) {}

    /// Nothing.
    pub fn time_out(_: &Dispatcher, _: &Rc<Socket>) {}

    /// Nothing.
    pub fn stop(_: &Dispatcher, _: &[Rc<Socket>], _: &Rc<Server>) {}
}
