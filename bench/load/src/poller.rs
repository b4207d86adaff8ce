// SPDX-License-Identifier: MIT
//! Which connections can go on: epoll, edge-triggered.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const EVENTS: usize = 1024;

pub struct Poller {
    descriptor: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    pub fn new() -> io::Result<Poller> {
        // SAFETY: no pointer is passed.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Poller {
            // SAFETY: the descriptor is new and nobody else's.
            descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS],
        })
    }

    /// From now on `wait` tells `token` when the descriptor can go on. Closing it ends that.
    pub fn add(&self, descriptor: RawFd, token: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32,
            u64: token as u64,
        };
        let poller = self.descriptor.as_raw_fd();
        // SAFETY: `event` outlives the call; wrong descriptors are answered with an error.
        let result =
            unsafe { libc::epoll_ctl(poller, libc::EPOLL_CTL_ADD, descriptor, &raw mut event) };
        if result == 0 {
            return Ok(());
        }
        Err(io::Error::last_os_error())
    }

    /// Waits for at most `milliseconds`; fills `tokens` with who can go on.
    pub fn wait(&mut self, milliseconds: i32, tokens: &mut Vec<usize>) -> io::Result<()> {
        tokens.clear();
        // SAFETY: the kernel writes at most EVENTS events into memory that holds as many.
        let count = unsafe {
            libc::epoll_wait(
                self.descriptor.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as libc::c_int,
                milliseconds,
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted {
                Ok(())
            } else {
                Err(error)
            };
        }
        tokens.extend(
            self.events[..count as usize]
                .iter()
                .map(|event| event.u64 as usize),
        );
        Ok(())
    }
}
