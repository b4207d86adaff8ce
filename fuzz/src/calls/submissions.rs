// SPDX-License-Identifier: MIT
//! Calls that submit, poll, cancel and choose.

use super::threads::nothing;
use super::{MOMENT, World};
use crate::receive::no_event;
use ::copas::capi::poll::*;
use ::copas::capi::select::copas_select;
use ::copas::capi::submit::*;
use ::copas::capi::submit_open::*;
use ::copas::capi::submit_wait::*;
use ::copas::capi::types::*;
use ::copas::capi::watch::copas_wait_fd;
use std::os::fd::AsRawFd;
use std::ptr;

impl World<'_> {
    pub(super) fn submit(&self) {
        let (mut now, mut out) = (no_event(), ptr::null_mut());
        let place = if self.flag() {
            &raw mut now
        } else {
            ptr::null_mut()
        };
        let (c, socket) = (self.c(), self.handle());
        let (data, len) = self.data();
        let (mut taken, token) = (0, 7);
        let host = c"127.0.0.1".as_ptr();
        // SAFETY: places are NULL or writable, data has its length.
        let answer = unsafe {
            match self.below(20) {
                0 | 1 => {
                    let pattern = self.below(256) as i64 - 4;
                    copas_submit_receive(socket, pattern, token, place, &mut out)
                }
                2 => copas_submit_receive_some(socket, token, place, &mut out),
                3 => {
                    let len = self.below(3);
                    let end = c"xy".as_ptr().cast();
                    copas_submit_receive_until(socket, end, len, token, place, &mut out)
                }
                4 | 5 => {
                    let flags = self.below(3) as u64;
                    copas_submit_send(socket, data, len, flags, token, &mut taken, place, &mut out)
                }
                6 => copas_submit_flush(socket, token, place, &mut out),
                7 => copas_submit_accept(socket, self.seconds(), token, place, &mut out),
                8 => copas_submit_connect(c, host, 1, self.seconds(), token, place, &mut out),
                9 => copas_submit_receivefrom(socket, token, place, &mut out),
                10 => {
                    let to = ptr::null();
                    copas_submit_sendto(socket, data, len, to, token, place, &mut out)
                }
                11 => copas_submit_resolve(c, host, self.seconds(), token, place, &mut out),
                12 => copas_submit_pause(c, self.seconds(), token, &mut out),
                13 => copas_submit_offload(c, Some(nothing), ptr::null_mut(), token, &mut out),
                14 => {
                    let (fd, events) = (self.fd(), self.below(5) as i32);
                    copas_submit_wait_fd(c, fd, events, self.seconds(), token, place, &mut out)
                }
                15 | 16 => copas_submit_cancel(self.handle()),
                17 => self.look_at_backend(c),
                _ => self.poll(c),
            }
        };
        self.keep(out);
        self.keep(now.result);
        self.check(answer);
    }

    /// A descriptor that may be watched.
    fn fd(&self) -> i32 {
        let others = self.others.borrow();
        match (self.below(4), others.len()) {
            (0, _) | (_, 0) => -1,
            (_, all) => others[self.below(256) % all].as_raw_fd(),
        }
    }

    fn look_at_backend(&self, c: *mut copas) -> i32 {
        let _ = copas_backend_timeout(c);
        copas_backend_fd(c)
    }

    fn poll(&self, c: *mut copas) -> i32 {
        let mut events = [no_event(); 4];
        let count = self.below(6) as i32 - 1;
        // SAFETY: four events can be written.
        let answer =
            unsafe { copas_poll(c, events.as_mut_ptr(), count, self.seconds().min(MOMENT)) };
        for event in &events[..answer.max(0) as usize] {
            self.check(event.status);
            assert_eq!(event.size, 64);
            let is_item = matches!(event.kind, 3);
            self.keep(if is_item {
                ptr::null_mut()
            } else {
                event.result
            });
            // SAFETY: numbers, of which zero is one.
            let mut peer: copas_address = unsafe { std::mem::zeroed() };
            // SAFETY: the event is one, the place is writable.
            self.check(unsafe { copas_event_peer(event, &mut peer) });
        }
        answer
    }

    fn choice(&self) -> copas_choice {
        copas_choice {
            kind: self.below(17) as u32,
            status: 0,
            handle: match self.below(8) {
                0 => self.dispatchers[0].get().cast(),
                _ => self.handle(),
            },
            item: ptr::without_provenance_mut(1),
            amount: self.one_of(&[1, 0, 2, -1, 1 << 40]),
        }
    }

    pub(super) fn choose(&self) {
        let c = self.c();
        let answer = match self.below(4) {
            0 => {
                let (mut now, mut out) = (no_event(), ptr::null_mut());
                let (choice, limit) = (self.choice(), self.seconds());
                // SAFETY: a whole struct; places are writable.
                let begun =
                    unsafe { copas_submit_choice(c, &choice, limit, 7, &mut now, &mut out) };
                self.keep(out);
                begun
            }
            1 => copas_wait_fd(c, self.fd(), self.below(5) as i32, self.seconds()),
            _ => {
                let mut choices = [(); 4].map(|()| self.choice());
                let count = self.below(6) as i32 - 1;
                // SAFETY: four choices are there; the count is at most four.
                unsafe { copas_select(c, choices.as_mut_ptr(), count, self.seconds()) }
            }
        };
        self.check(answer);
    }
}
