// SPDX-License-Identifier: MIT
//! Cutting a connection off: for whoever uses it, it is as if it had broken. The socket stays its
//! handler's, who learns it from the next call that receives or sends.

use super::cause::Cause;
use crate::dispatcher::Dispatcher;
use crate::net::marks::Mark;
use crate::net::socket::Socket;
use std::net::Shutdown;
use std::time::Duration;

/// Cuts an accepted connection off. Its output is lost; its close will be a reset, which leaves nothing
/// behind.
pub(super) fn cut(d: &Dispatcher, socket: &Socket, cause: Cause) {
    let Some(standing) = socket.standing.get() else {
        return;
    };
    standing.cut.set(Some(cause));
    standing.guard.tell(d, cause);
    let _ = socket.with_fd(|fd| {
        let kernel = socket2::SockRef::from(&fd);
        kernel.set_linger(Some(Duration::ZERO))?;
        kernel.shutdown(Shutdown::Both)
    });
    socket.linger.set(0);
    socket.marks.put(Mark::AtEnd);
    socket.read_error.set(cause.errno());
    socket.fail_writing(cause.errno());
}
