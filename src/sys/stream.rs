// SPDX-License-Identifier: MIT
//! Reading, writing and accepting on non-blocking descriptors. Nothing here raises SIGPIPE.

use super::descriptor::{check, uninterrupted};
#[cfg(feature = "faults")]
use super::faults::{self, Call};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// recv(2) into the caller's memory; 0 is the end of the stream.
#[inline]
pub fn receive(fd: BorrowedFd<'_>, memory: &mut [u8]) -> io::Result<usize> {
    #[cfg(feature = "faults")]
    let memory = faults::to_read(fd, memory)?;
    // SAFETY: the pointer and length are those of a live, exclusively borrowed slice.
    size(unsafe { libc::recv(fd.as_raw_fd(), memory.as_mut_ptr().cast(), memory.len(), 0) })
}

/// read(2) from a pipe; 0 is the end of the stream.
pub fn read(fd: BorrowedFd<'_>, memory: &mut [u8]) -> io::Result<usize> {
    #[cfg(feature = "faults")]
    let memory = faults::to_read(fd, memory)?;
    // SAFETY: the pointer and length are those of a live, exclusively borrowed slice.
    size(unsafe { libc::read(fd.as_raw_fd(), memory.as_mut_ptr().cast(), memory.len()) })
}

/// send(2), with MSG_NOSIGNAL.
#[inline]
pub fn send(fd: BorrowedFd<'_>, data: &[u8]) -> io::Result<usize> {
    #[cfg(feature = "faults")]
    let data = faults::to_write(fd, data)?;
    let raw = fd.as_raw_fd();
    // SAFETY: the pointer and length are those of a live slice, which send only reads.
    size(unsafe { libc::send(raw, data.as_ptr().cast(), data.len(), libc::MSG_NOSIGNAL) })
}

/// Both slices in one sendmsg(2), with MSG_NOSIGNAL. Not in line: its large frame would be that of every
/// write.
#[inline(never)]
pub fn send_two(fd: BorrowedFd<'_>, first: &[u8], second: &[u8]) -> io::Result<usize> {
    send_slices(fd, &[io::IoSlice::new(first), io::IoSlice::new(second)])
}

/// All slices in one sendmsg(2), with MSG_NOSIGNAL.
pub fn send_slices(fd: BorrowedFd<'_>, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
    #[cfg(feature = "faults")]
    if let Some(first) = slices.iter().find(|slice| !slice.is_empty()) {
        let some = faults::to_write(fd, first)?;
        if some.len() < first.len() {
            return send(fd, some);
        }
    }
    socket2::SockRef::from(&fd).send_vectored_with_flags(slices, libc::MSG_NOSIGNAL)
}

/// write(2) to a pipe. A pipe has no MSG_NOSIGNAL: the signal is held back for this OS thread
/// during the call, and taken away if this very call raised it. Not in line, for its large frame.
#[inline(never)]
pub fn write(fd: BorrowedFd<'_>, data: &[u8]) -> io::Result<usize> {
    #[cfg(feature = "faults")]
    let data = faults::to_write(fd, data)?;
    let held = HeldSigpipe::hold()?;
    // SAFETY: the pointer and length are those of a live slice, which write only reads.
    let result = size(unsafe { libc::write(fd.as_raw_fd(), data.as_ptr().cast(), data.len()) });
    held.release(matches!(&result, Err(e) if e.raw_os_error() == Some(libc::EPIPE)));
    result
}

/// SIGPIPE, blocked for this OS thread.
struct HeldSigpipe {
    before: libc::sigset_t,
    was_pending: bool,
}

impl HeldSigpipe {
    /// Blocks it, remembering whether one was waiting already.
    fn hold() -> io::Result<Self> {
        let set = sigpipe_alone();
        // SAFETY: an all-zero sigset_t is a valid value of that plain struct.
        let mut before: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: both sets are live; the call changes this OS thread's mask only.
        let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut before) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok(HeldSigpipe {
            before,
            was_pending: sigpipe_is_pending(),
        })
    }

    /// Takes the one that the call raised away, and puts the mask back.
    fn release(self, raised: bool) {
        if raised && !self.was_pending {
            let (set, now) = (
                sigpipe_alone(),
                libc::timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                },
            );
            // SAFETY: both are live; a NULL siginfo is allowed; the time limit of 0 never waits.
            unsafe { libc::sigtimedwait(&set, std::ptr::null_mut(), &now) };
        }
        // SAFETY: `before` was filled by pthread_sigmask; a NULL old set is allowed.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}

/// The set of SIGPIPE.
fn sigpipe_alone() -> libc::sigset_t {
    // SAFETY: an all-zero sigset_t is a valid value of that plain struct.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is live and SIGPIPE is a signal.
    unsafe {
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
    }
    set
}

/// Whether a SIGPIPE waits for this OS thread or the process.
fn sigpipe_is_pending() -> bool {
    // SAFETY: an all-zero sigset_t is a valid value of that plain struct.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is live, and SIGPIPE is a signal.
    unsafe { libc::sigpending(&mut set) == 0 && libc::sigismember(&set, libc::SIGPIPE) == 1 }
}

/// sendto(2) of one datagram; without an address where the socket is connected.
pub fn send_to(
    fd: BorrowedFd<'_>,
    data: &[u8],
    to: Option<&socket2::SockAddr>,
) -> io::Result<usize> {
    let socket = socket2::SockRef::from(&fd);
    uninterrupted(|| {
        #[cfg(feature = "faults")]
        faults::check_at(Call::SendTo, fd)?;
        match to {
            Some(to) => socket.send_to_with_flags(data, to, libc::MSG_NOSIGNAL),
            None => socket.send_with_flags(data, libc::MSG_NOSIGNAL),
        }
    })
}

/// recvfrom(2) of one datagram: its whole length, of which no more than `memory` holds is there, and
/// who sent it.
pub fn receive_from(
    fd: BorrowedFd<'_>,
    memory: &mut [u8],
) -> io::Result<(usize, socket2::SockAddr)> {
    let (start, len) = (
        memory.as_mut_ptr().cast::<std::mem::MaybeUninit<u8>>(),
        memory.len(),
    );
    // SAFETY: the same initialised bytes, which socket2 only writes initialised ones to.
    let memory = unsafe { std::slice::from_raw_parts_mut(start, len) };
    let socket = socket2::SockRef::from(&fd);
    uninterrupted(|| {
        #[cfg(feature = "faults")]
        faults::check_at(Call::ReceiveFrom, fd)?;
        socket.recv_from_with_flags(memory, libc::MSG_TRUNC)
    })
}

/// accept4(2): non-blocking and closed on exec from the start.
pub fn accept(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    #[cfg(feature = "faults")]
    faults::check_at(Call::Accept, fd)?;
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let none = std::ptr::null_mut();
    // SAFETY: NULL for the address and its length is allowed: no address is wanted.
    let new = check(unsafe { libc::accept4(fd.as_raw_fd(), none, none.cast(), flags) })?;
    // SAFETY: accept4 has just made this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(new) })
}

/// The result of a call that gives a size or -1.
#[inline]
fn size(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
