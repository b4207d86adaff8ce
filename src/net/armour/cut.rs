// SPDX-License-Identifier: MIT
//! Cutting a connection off: for whoever uses it, it is as if it had broken. The socket stays its
//! handler's, who learns it from the next call that receives or sends.

use super::cause::Cause;
use crate::dispatcher::Dispatcher;
use crate::net::close::{abort, finish};
use crate::net::marks::Mark;
use crate::net::socket::Socket;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

/// Cuts an accepted connection off. Its output is lost.
pub(super) fn cut(d: &Dispatcher, socket: &Socket, cause: Cause) {
    if let Some(host) = socket.host() {
        host.tell(d, cause);
    }
    break_off(socket, cause);
}

/// Cuts a connection off for the memory of its buffers.
pub(super) fn cut_for_memory(d: &Dispatcher, socket: &Rc<Socket>) {
    if socket.marks.has(Mark::Closed) {
        reset_at_close(socket);
        finish(d, socket);
    } else if socket.is_arriving() {
        abort(d, socket);
    } else {
        break_off(socket, Cause::Memory);
        socket.input.borrow_mut().give_up(&socket.net.pool);
    }
}

fn break_off(socket: &Socket, cause: Cause) {
    socket.stand().cut.set(Some(cause));
    reset_at_close(socket);
    let _ = socket.with_fd(|fd| socket2::SockRef::from(&fd).shutdown(Shutdown::Both));
    socket.marks.put(Mark::AtEnd);
    socket.read_error.set(cause.errno());
    socket.fail_writing(cause.errno());
}

/// Its close will be a reset, which leaves nothing behind.
fn reset_at_close(socket: &Socket) {
    let _ = socket.with_fd(|fd| socket2::SockRef::from(&fd).set_linger(Some(Duration::ZERO)));
    socket.linger.set(0);
}
