// SPDX-License-Identifier: MIT
//! What an open descriptor is, and making it non-blocking.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The kinds of descriptors that can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A TCP stream.
    Tcp,
    /// A Unix stream.
    Unix,
    /// A UDP or Unix datagram socket.
    Datagram,
    /// A listening stream socket.
    Listener,
    /// The reading end of a pipe.
    PipeReader,
    /// The writing end of a pipe.
    PipeWriter,
    /// A regular file or a folder.
    File,
    /// Everything else.
    Other,
}

/// The errno of the last call as an error, when it gave -1.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Makes a call again that a signal has interrupted (EINTR).
pub fn uninterrupted<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Borrows a number that a caller says is a descriptor, after asking the kernel.
pub fn borrow(fd: RawFd) -> io::Result<BorrowedFd<'static>> {
    status_flags(fd)?;
    // SAFETY: the kernel has just said that `fd` is open. The caller of this function keeps it open
    // while the value is in use, as the contract of copas_wrap asks of a C caller; otherwise the
    // system calls made with it fail with EBADF.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Takes over a number that a caller says is its own descriptor.
pub fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the caller of copas_wrap hands the descriptor over, and `borrow` has just found it
    // open.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// F_GETFL (fcntl(2)).
fn status_flags(fd: RawFd) -> io::Result<libc::c_int> {
    // SAFETY: F_GETFL reads no memory; a bad descriptor gives EBADF.
    check(unsafe { libc::fcntl(fd, libc::F_GETFL) })
}

/// How many descriptors the process may have now.
pub fn limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: one live rlimit, which is all that getrlimit writes to.
    match check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) }) {
        Ok(_) => limit.rlim_cur,
        Err(_) => u64::MAX,
    }
}

/// How many received bytes the kernel has for a socket or a pipe (FIONREAD).
pub fn unread(fd: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: one live int, which is all that FIONREAD writes to.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// How many bytes the kernel has for the peer of a socket, not taken yet (SIOCOUTQ). Of a Unix socket it
/// counts the memory that they take.
pub fn untaken(fd: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: one live int, which is all that TIOCOUTQ, the same request, writes to.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// Whether a number that a caller says is a descriptor can be read and written now (poll(2)); an end
/// or an error counts as both.
pub fn is_ready(fd: RawFd) -> io::Result<(bool, bool)> {
    if fd < 0 {
        // poll(2) skips those.
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    let mut asked = libc::pollfd {
        fd,
        events: libc::POLLIN | libc::POLLOUT,
        revents: 0,
    };
    uninterrupted(|| {
        #[cfg(feature = "faults")]
        super::faults::check(super::faults::Call::Wait)?;
        // SAFETY: one live pollfd, which is all that poll writes to; a bad descriptor gives POLLNVAL.
        check(unsafe { libc::poll(&mut asked, 1, 0) })
    })?;
    if asked.revents & libc::POLLNVAL != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    let over = asked.revents & (libc::POLLHUP | libc::POLLERR) != 0;
    Ok((
        over || asked.revents & libc::POLLIN != 0,
        over || asked.revents & libc::POLLOUT != 0,
    ))
}

/// What a descriptor is.
pub fn nature(fd: BorrowedFd<'_>) -> io::Result<Nature> {
    // SAFETY: an all-zero stat is a valid value of that plain struct.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is live and fstat writes nothing else.
    check(unsafe { libc::fstat(fd.as_raw_fd(), &mut stat) })?;
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => socket_nature(fd),
        libc::S_IFIFO => pipe_nature(fd),
        libc::S_IFREG | libc::S_IFDIR => Ok(Nature::File),
        _ => Ok(Nature::Other),
    }
}

/// What a socket is.
fn socket_nature(fd: BorrowedFd<'_>) -> io::Result<Nature> {
    let socket = socket2::SockRef::from(&fd);
    match socket.r#type()? {
        socket2::Type::STREAM => {}
        socket2::Type::DGRAM => return Ok(Nature::Datagram),
        _ => return Ok(Nature::Other),
    }
    if socket.is_listener()? {
        return Ok(Nature::Listener);
    }
    let domain = socket.domain()?;
    Ok(match domain {
        socket2::Domain::IPV4 | socket2::Domain::IPV6 => Nature::Tcp,
        socket2::Domain::UNIX => Nature::Unix,
        _ => Nature::Other,
    })
}

/// Which end of a pipe it is.
fn pipe_nature(fd: BorrowedFd<'_>) -> io::Result<Nature> {
    Ok(match status_flags(fd.as_raw_fd())? & libc::O_ACCMODE {
        libc::O_RDONLY => Nature::PipeReader,
        libc::O_WRONLY => Nature::PipeWriter,
        _ => Nature::Other,
    })
}

/// Sets O_NONBLOCK.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = status_flags(fd.as_raw_fd())?;
    if flags & libc::O_NONBLOCK == 0 {
        // SAFETY: F_SETFL takes an integer and no memory.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    }
    Ok(())
}
