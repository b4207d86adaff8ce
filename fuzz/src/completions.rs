// SPDX-License-Identifier: MIT
//! Submitted operations in random order, canceled and polled: exactly one event for each, with the right
//! data, and every byte that was taken for sending arrives once, in order.

use crate::dispatcher::Dispatcher;
use crate::model::{self, Limits, Pattern};
use crate::pair::{Peer, pair};
use crate::receive::{no_event, seen};
use crate::script::Script;
use ::copas::capi::dispatcher::copas_notify;
use ::copas::capi::poll::{copas_backend_timeout, copas_poll};
use ::copas::capi::socket::{copas_abort, copas_close, copas_settimeout};
use ::copas::capi::submit::{
    copas_submit_cancel, copas_submit_flush, copas_submit_receive, copas_submit_receive_some,
    copas_submit_receive_until, copas_submit_send,
};
use ::copas::capi::submit_wait::{copas_submit_offload, copas_submit_pause};
use ::copas::capi::types::{copas_event, copas_operation, copas_socket};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;

const BUSY: i32 = -6;
const STALE: i32 = -5;
const CANCELED: i32 = -3;
const FOREVER: f64 = -1.0;
/// At first.
const LIMITS: Limits = Limits {
    line: 1 << 20,
    all: 64 << 20,
};

/// What was submitted.
enum What {
    Receive(usize, Pattern),
    Send,
    Flush,
    Pause,
    Offload,
}

/// An operation whose event has not come.
struct Outstanding {
    what: What,
    handle: *mut copas_operation,
    canceled: bool,
}

/// A socket with what must come to either side.
struct Stream {
    socket: *mut copas_socket,
    peer: Peer,
    open: bool,
    ended: bool,
    come: Vec<u8>,
    /// Taken for sending and not seen by the peer.
    taken: Vec<u8>,
}

struct Play<'a> {
    d: Dispatcher,
    script: Script<'a>,
    streams: Vec<Stream>,
    outstanding: BTreeMap<u64, Outstanding>,
    next_token: u64,
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let d = Dispatcher::new();
    let streams = (0..1 + script.below(3)).map(|_| Stream::new(&d)).collect();
    let mut play = Play {
        d,
        script,
        streams,
        outstanding: BTreeMap::new(),
        next_token: 1,
    };
    let ends_early = play.script.flag();
    while !play.script.is_over() {
        play.act();
    }
    // The last event may be outstanding when the dispatcher is freed.
    if !ends_early {
        play.end();
    }
}

impl Stream {
    fn new(d: &Dispatcher) -> Self {
        let (socket, peer) = pair(d.0);
        Stream {
            socket,
            peer,
            open: true,
            ended: false,
            come: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// The peer reads; what it gets is what was taken.
    fn read(&mut self) {
        let got = self.peer.read();
        assert!(self.taken.starts_with(&got), "the peer got other bytes");
        self.taken.drain(..got.len());
    }
}

unsafe extern "C" fn nothing(_: *mut c_void) {}

impl Play<'_> {
    fn act(&mut self) {
        let at = self.script.below(self.streams.len());
        match self.script.below(16) {
            0..3 => self.receive(at),
            3 | 4 => self.send(at),
            5 => self.flush(at),
            6 => self.pause(),
            7 => self.cancel(),
            8 | 9 => self.poll(0.0),
            10 | 11 => {
                let stream = &mut self.streams[at];
                if !stream.ended {
                    let bytes = self.script.bytes(40);
                    let written = stream.peer.write(bytes);
                    stream.come.extend_from_slice(&bytes[..written]);
                }
            }
            12 => self.streams[at].read(),
            13 => {
                let limit = self.script.one_of(&[FOREVER, 0.0, 0.000_1]);
                let set = copas_settimeout(self.streams[at].socket, limit);
                assert_eq!(set, if self.streams[at].open { 0 } else { STALE });
            }
            14 => self.end_stream(at),
            _ => self.others(),
        }
    }

    fn others(&mut self) {
        match self.script.below(4) {
            0 => assert_eq!(copas_notify(self.d.0), 0),
            1 => self.offload(),
            2 => assert!(!copas_backend_timeout(self.d.0).is_nan()),
            _ => self.poll(0.000_1),
        }
    }

    /// The peer ends, or this side.
    fn end_stream(&mut self, at: usize) {
        let stream = &mut self.streams[at];
        match self.script.below(8) {
            0 => {
                stream.peer.end();
                stream.ended = true;
            }
            how @ (1 | 2) => {
                let socket = stream.socket;
                let status = if how == 1 {
                    copas_close(socket)
                } else {
                    copas_abort(socket)
                };
                assert_eq!(status, if stream.open { 0 } else { STALE });
                stream.open = false;
            }
            _ => {}
        }
    }

    /// Submits by `begin`, which gets the token and the places; the event if it is over at once.
    fn submit(
        &mut self,
        what: What,
        begin: impl FnOnce(u64, *mut copas_event, *mut *mut copas_operation) -> i32,
    ) -> i32 {
        let token = self.next_token;
        self.next_token += 1;
        let (mut now, mut handle) = (no_event(), ptr::null_mut());
        let at_once = !matches!(what, What::Pause | What::Offload) && self.script.flag();
        let place = if at_once {
            &raw mut now
        } else {
            ptr::null_mut()
        };
        let begun = begin(token, place, &mut handle);
        let outstanding = Outstanding {
            what,
            handle,
            canceled: false,
        };
        match begun {
            0 => drop(self.outstanding.insert(token, outstanding)),
            1 => {
                assert!(at_once && handle.is_null() && now.token == token);
                self.check(&outstanding, &now);
            }
            error => assert!(error < 0 && error > -28 && error != -15, "{error}"),
        }
        begun
    }

    fn receive(&mut self, at: usize) {
        let socket = self.streams[at].socket;
        let pattern = match Pattern::choose(&mut self.script) {
            Pattern::Into(n) => Pattern::Count(n),
            pattern => pattern,
        };
        let is_busy = self
            .outstanding
            .values()
            .any(|one| matches!(one.what, What::Receive(other, _) if other == at));
        let what = What::Receive(at, pattern.clone());
        let begun = self.submit(what, |token, now, out| {
            // SAFETY: the delimiter and the places are there while the calls last.
            unsafe {
                match &pattern {
                    Pattern::Line => copas_submit_receive(socket, model::LINE, token, now, out),
                    Pattern::LineRaw => {
                        copas_submit_receive(socket, model::LINE_RAW, token, now, out)
                    }
                    Pattern::All => copas_submit_receive(socket, model::ALL, token, now, out),
                    Pattern::Count(n) | Pattern::Into(n) => {
                        copas_submit_receive(socket, *n as i64, token, now, out)
                    }
                    Pattern::Until(d) => copas_submit_receive_until(
                        socket,
                        d.as_ptr().cast(),
                        d.len(),
                        token,
                        now,
                        out,
                    ),
                    Pattern::Some => copas_submit_receive_some(socket, token, now, out),
                }
            }
        });
        match (self.streams[at].open, is_busy) {
            (false, _) => assert_eq!(begun, STALE),
            (true, true) => assert_eq!(begun, BUSY),
            (true, false) => assert!(begun >= 0, "{begun}"),
        }
    }

    fn send(&mut self, at: usize) {
        let socket = self.streams[at].socket;
        let data = vec![self.script.byte(); self.script.below(256) * self.script.one_of(&[1, 900])];
        let flags = u64::from(self.script.flag());
        let mut taken = usize::MAX;
        let (memory, len) = (data.as_ptr().cast(), data.len());
        let begun = self.submit(What::Send, |token, now, out| {
            // SAFETY: the data and the places are there while the call lasts.
            unsafe { copas_submit_send(socket, memory, len, flags, token, &mut taken, now, out) }
        });
        if begun >= 0 {
            assert!(taken <= len);
            self.streams[at].taken.extend_from_slice(&data[..taken]);
        }
        #[cfg(feature = "planted")]
        if data.first() == Some(&0x17) {
            self.streams[at].taken.pop();
        }
    }

    fn flush(&mut self, at: usize) {
        let socket = self.streams[at].socket;
        self.submit(What::Flush, |token, now, out| {
            // SAFETY: the places are there while the call lasts.
            unsafe { copas_submit_flush(socket, token, now, out) }
        });
    }

    fn pause(&mut self) {
        let (c, seconds) = (self.d.0, self.script.one_of(&[0.0, 0.000_1, FOREVER]));
        self.submit(What::Pause, |token, _, out| {
            // SAFETY: the place is there while the call lasts.
            unsafe { copas_submit_pause(c, seconds, token, out) }
        });
    }

    fn offload(&mut self) {
        let c = self.d.0;
        self.submit(What::Offload, |token, _, out| {
            // SAFETY: the place is there while the call lasts.
            unsafe { copas_submit_offload(c, Some(nothing), ptr::null_mut(), token, out) }
        });
    }

    fn cancel(&mut self) {
        let at = self.script.below(8);
        if let Some(one) = self.outstanding.values_mut().nth(at) {
            assert_eq!(copas_submit_cancel(one.handle), 0);
            one.canceled = true;
        }
    }

    fn poll(&mut self, timeout: f64) {
        let mut events = [no_event(); 4];
        let count = 1 + self.script.below(4);
        // SAFETY: so many events can be written.
        let filled = unsafe { copas_poll(self.d.0, events.as_mut_ptr(), count as i32, timeout) };
        assert!((0..=count as i32).contains(&filled), "{filled}");
        for event in &events[..filled as usize] {
            let one = self.outstanding.remove(&event.token);
            let one = one.unwrap_or_else(|| panic!("a second event of {}", event.token));
            self.check(&one, event);
        }
    }

    /// Compares an event with what must have happened.
    fn check(&mut self, one: &Outstanding, event: &copas_event) {
        assert!(event.status != CANCELED || one.canceled || self.outstanding.is_empty());
        let (at, pattern) = match &one.what {
            What::Receive(at, pattern) => (*at, pattern),
            What::Pause | What::Offload => {
                assert!(event.status == 0 || one.canceled, "{}", event.status);
                return;
            }
            What::Send | What::Flush => return,
        };
        let stream = &mut self.streams[at];
        let shown = seen(event.data.cast(), event.len);
        match event.status {
            model::OK | model::TOO_LONG => {
                let answer = model::receive(pattern, &stream.come, LIMITS, stream.ended);
                let gone = answer.check(event.status, shown, &stream.come, pattern);
                stream.come.drain(..gone);
            }
            status => {
                assert!(stream.come.starts_with(shown), "{status}: {shown:?}");
                assert!(status != CANCELED || one.canceled);
                assert!(status != model::CLOSED || stream.ended || !stream.open);
            }
        }
    }

    /// Cancels everything; each event comes, and what was taken arrives.
    fn end(mut self) {
        let all = self.streams.len();
        for at in 0..all {
            self.streams[at].read();
        }
        for one in self.outstanding.values_mut() {
            assert_eq!(copas_submit_cancel(one.handle), 0);
            one.canceled = true;
        }
        for _ in 0..1000 {
            self.poll(0.01);
            if self.outstanding.is_empty() {
                break;
            }
        }
        assert!(self.outstanding.is_empty(), "an event has not come");
        for _ in 0..100 {
            self.poll(0.0);
            self.streams.iter_mut().for_each(Stream::read);
        }
        for stream in &self.streams {
            assert!(stream.taken.is_empty() || !stream.open, "bytes are lost");
        }
    }
}
