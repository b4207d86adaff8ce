// SPDX-License-Identifier: MIT
//! What a receive must answer, worked out naively from all the bytes that have come.

use crate::script::Script;

pub const OK: i32 = 0;
pub const TIMEOUT: i32 = -1;
pub const CLOSED: i32 = -2;
pub const TOO_LONG: i32 = -9;

/// copas.h's numbers of patterns.
pub const LINE: i64 = -1;
pub const ALL: i64 = -2;
pub const LINE_RAW: i64 = -3;

/// What is received.
#[derive(Clone, Debug)]
pub enum Pattern {
    Line,
    LineRaw,
    All,
    Count(usize),
    Until(Vec<u8>),
    Some,
    Into(usize),
}

impl Pattern {
    /// One that the script chooses.
    pub fn choose(script: &mut Script<'_>) -> Self {
        match script.below(8) {
            0 => Pattern::Line,
            1 => Pattern::LineRaw,
            2 => Pattern::All,
            3 => Pattern::Count(script.below(64)),
            4 => Pattern::Count(script.below(256) * 64),
            5 => match script.bytes(4) {
                [] => Pattern::Until(b"\r\n\r\n".to_vec()),
                delimiter => Pattern::Until(delimiter.to_vec()),
            },
            6 => Pattern::Some,
            _ => Pattern::Into(script.below(256) * script.one_of(&[1, 1, 100])),
        }
    }
}

/// The most bytes of a line and of the others.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub line: usize,
    pub all: usize,
}

/// What is shown with an answer.
#[derive(Debug, PartialEq)]
pub enum Shown {
    /// These bytes.
    Exactly(Vec<u8>),
    /// The first so many, or more, of what has come.
    AtLeast(usize),
}

/// What a receive must answer.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: i32,
    pub shown: Shown,
    /// How many bytes are gone; None: as many as are shown.
    pub consumed: Option<usize>,
}

fn answer(status: i32, shown: Shown, consumed: usize) -> Answer {
    Answer {
        status,
        shown,
        consumed: Some(consumed),
    }
}

/// The answer of a receive when `come` has come and nothing more is there now; `ended`: nor ever will be.
pub fn receive(pattern: &Pattern, come: &[u8], limits: Limits, ended: bool) -> Answer {
    let waits = answer(
        if ended { CLOSED } else { TIMEOUT },
        Shown::Exactly(come.to_vec()),
        0,
    );
    let too_long = |most: usize| answer(TOO_LONG, Shown::AtLeast(come.len().min(most + 1)), 0);
    match pattern {
        Pattern::Line => match delimited(b"\n", come, limits.line) {
            Found::At(at) => {
                let kept = come[..at].iter().copied().filter(|&byte| byte != b'\r');
                #[cfg(feature = "planted")]
                let kept = kept.take(3);
                answer(OK, Shown::Exactly(kept.collect()), at + 1)
            }
            Found::TooLong => too_long(limits.line),
            Found::NotYet => waits,
        },
        Pattern::LineRaw => match delimited(b"\n", come, limits.line) {
            Found::At(at) => answer(OK, Shown::Exactly(come[..=at].to_vec()), at + 1),
            Found::TooLong => too_long(limits.line),
            Found::NotYet => waits,
        },
        Pattern::Until(delimiter) => match delimited(delimiter, come, limits.line) {
            Found::At(at) => {
                let consumed = at + delimiter.len();
                answer(OK, Shown::Exactly(come[..at].to_vec()), consumed)
            }
            Found::TooLong => too_long(limits.line),
            Found::NotYet => waits,
        },
        Pattern::Count(n) if *n > limits.all => answer(TOO_LONG, Shown::AtLeast(0), 0),
        Pattern::Count(n) if come.len() >= (*n).max(1) => {
            answer(OK, Shown::Exactly(come[..*n].to_vec()), *n)
        }
        Pattern::All if come.len() > limits.all => too_long(limits.all),
        Pattern::All if ended && !come.is_empty() => {
            answer(OK, Shown::Exactly(come.to_vec()), come.len())
        }
        Pattern::Some if !come.is_empty() => Answer {
            status: OK,
            shown: Shown::AtLeast(1),
            consumed: None,
        },
        Pattern::Into(n) if come.len() >= *n => answer(OK, Shown::Exactly(come[..*n].to_vec()), *n),
        Pattern::Into(_) => Answer {
            consumed: Some(come.len()),
            ..waits
        },
        Pattern::Count(_) | Pattern::All | Pattern::Some => waits,
    }
}

enum Found {
    At(usize),
    NotYet,
    TooLong,
}

/// Where a delimiter begins. So many bytes that it could only begin behind the limit are too long.
fn delimited(delimiter: &[u8], come: &[u8], limit: usize) -> Found {
    let at = come
        .windows(delimiter.len())
        .position(|window| window == delimiter);
    match at {
        Some(at) if at <= limit => Found::At(at),
        None if come.len() < limit + delimiter.len() => Found::NotYet,
        _ => Found::TooLong,
    }
}

impl Answer {
    /// Compares it with what the library has answered; how many bytes are gone.
    pub fn check(&self, status: i32, shown: &[u8], come: &[u8], what: &Pattern) -> usize {
        assert_eq!(status, self.status, "{what:?} of {come:?}, shown {shown:?}");
        match &self.shown {
            Shown::Exactly(bytes) => assert_eq!(shown, bytes, "{what:?} of {come:?}: {status}"),
            Shown::AtLeast(least) => {
                assert!(shown.len() >= *least, "{what:?}: {} shown", shown.len());
                assert!(come.starts_with(shown), "{what:?}: {shown:?} of {come:?}");
            }
        }
        self.consumed.unwrap_or(shown.len())
    }
}
