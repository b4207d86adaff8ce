// SPDX-License-Identifier: MIT
//! What a receive waits for, and finding it in the bytes that are there. LuaSocket's patterns.

use crate::sys::search;
use memchr::memmem;

/// What to receive.
#[derive(Clone, Copy)]
pub enum Pattern<'a> {
    /// Up to LF; the LF and every CR are dropped.
    Line,
    /// Up to LF, with its ending.
    LineRaw,
    /// Up to a delimiter, which is dropped.
    Until(&'a [u8]),
    /// Exactly so many bytes; 0 waits for something to read.
    Count(usize),
    /// To the end of the stream.
    All,
    /// Whatever is there.
    Some,
}

/// The most bytes that patterns may take.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Of a line or up to a delimiter.
    pub line: usize,
    /// To the end, or of a block.
    pub all: usize,
}

impl Limits {
    /// No limit.
    pub const NONE: Limits = Limits {
        line: usize::MAX,
        all: usize::MAX,
    };
}

/// What a pattern finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// So many bytes make the result, and so many are consumed.
    Bytes {
        /// Of the result.
        len: usize,
        /// Of the input.
        consumed: usize,
    },
    /// Nothing yet.
    NotYet,
    /// More than the limit.
    TooLong,
}

impl Pattern<'_> {
    /// What ends it, when that is a delimiter.
    pub fn delimiter(&self) -> Option<&[u8]> {
        match self {
            Pattern::Line | Pattern::LineRaw => Some(b"\n"),
            Pattern::Until(delimiter) => Some(delimiter),
            Pattern::Count(_) | Pattern::All | Pattern::Some => None,
        }
    }

    /// Whether it is a line, and then whether with its ending.
    #[inline]
    pub fn is_line(&self) -> Option<bool> {
        match self {
            Pattern::Line => Some(false),
            Pattern::LineRaw => Some(true),
            _ => None,
        }
    }

    /// How many bytes must be there at least.
    pub fn wanted(&self) -> usize {
        match self {
            Pattern::Count(n) => *n,
            _ => 1,
        }
    }

    /// Looks for itself in `bytes`; the first `searched` are known to hold no start of its
    /// delimiter. `at_end`: no more bytes will come.
    pub fn find(&self, bytes: &[u8], searched: usize, limits: Limits, at_end: bool) -> Found {
        match *self {
            Pattern::Line => find_delimited(b"\n", 0, bytes, searched, limits.line),
            Pattern::LineRaw => find_delimited(b"\n", 1, bytes, searched, limits.line),
            Pattern::Until(delimiter) => find_delimited(delimiter, 0, bytes, searched, limits.line),
            Pattern::Count(n) if n > limits.all => Found::TooLong,
            Pattern::Count(n) if bytes.len() >= n.max(1) => Found::Bytes {
                len: n,
                consumed: n,
            },
            Pattern::All if bytes.len() > limits.all => Found::TooLong,
            Pattern::All if at_end && !bytes.is_empty() => everything(bytes),
            Pattern::Some if !bytes.is_empty() => everything(bytes),
            Pattern::Count(_) | Pattern::All | Pattern::Some => Found::NotYet,
        }
    }
}

/// Looks for `delimiter`, of which the result has the first `kept` bytes.
#[inline]
fn find_delimited(
    delimiter: &[u8],
    kept: usize,
    bytes: &[u8],
    searched: usize,
    limit: usize,
) -> Found {
    let found = match delimiter {
        [byte] => search::byte(*byte, &bytes[searched..]),
        _ => find_longer(delimiter, &bytes[searched..]),
    };
    match found.map(|at| at + searched) {
        Some(at) if at <= limit => Found::Bytes {
            len: at + kept,
            consumed: at + delimiter.len(),
        },
        None if bytes.len() < limit.saturating_add(delimiter.len()) => Found::NotYet,
        _ => Found::TooLong,
    }
}

/// Not in line: its large frame would be that of every receive.
#[inline(never)]
fn find_longer(delimiter: &[u8], bytes: &[u8]) -> Option<usize> {
    memmem::find(bytes, delimiter)
}

fn everything(bytes: &[u8]) -> Found {
    Found::Bytes {
        len: bytes.len(),
        consumed: bytes.len(),
    }
}

/// Drops every CR in place; how many bytes are left.
pub fn drop_carriage_returns(line: &mut [u8]) -> usize {
    let Some(first) = search::byte(b'\r', line) else {
        return line.len();
    };
    let mut kept = first;
    for at in first + 1..line.len() {
        if line[at] != b'\r' {
            line[kept] = line[at];
            kept += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { line: 5, all: 8 };

    fn find(pattern: Pattern<'_>, bytes: &[u8], at_end: bool) -> Found {
        pattern.find(bytes, 0, LIMITS, at_end)
    }

    #[test]
    fn a_line_ends_at_its_first_lf() {
        assert_eq!(
            find(Pattern::Line, b"ab\ncd\n", false),
            Found::Bytes {
                len: 2,
                consumed: 3
            }
        );
        assert_eq!(
            find(Pattern::LineRaw, b"ab\n", false),
            Found::Bytes {
                len: 3,
                consumed: 3
            }
        );
        assert_eq!(
            find(Pattern::Line, b"\n", false),
            Found::Bytes {
                len: 0,
                consumed: 1
            }
        );
        assert_eq!(find(Pattern::Line, b"abc", false), Found::NotYet);
    }

    #[test]
    fn a_line_of_the_limit_is_fine_and_one_byte_more_is_too_long() {
        assert_eq!(
            find(Pattern::Line, b"12345\n", false),
            Found::Bytes {
                len: 5,
                consumed: 6
            }
        );
        assert_eq!(find(Pattern::Line, b"12345", false), Found::NotYet);
        assert_eq!(find(Pattern::Line, b"123456", false), Found::TooLong);
        assert_eq!(find(Pattern::Line, b"123456\n", false), Found::TooLong);
        assert_eq!(find(Pattern::Until(b"ab"), b"12345a", false), Found::NotYet);
        assert_eq!(
            find(Pattern::Until(b"ab"), b"123456a", false),
            Found::TooLong
        );
    }

    #[test]
    fn a_delimiter_is_found_behind_its_own_prefix() {
        let aab = Pattern::Until(b"aab");
        assert_eq!(
            find(aab, b"aaab", false),
            Found::Bytes {
                len: 1,
                consumed: 4
            }
        );
        assert_eq!(
            aab.find(b"aaab", 1, LIMITS, false),
            Found::Bytes {
                len: 1,
                consumed: 4
            }
        );
    }

    #[test]
    fn a_count_waits_for_all_its_bytes() {
        assert_eq!(find(Pattern::Count(3), b"ab", true), Found::NotYet);
        assert_eq!(
            find(Pattern::Count(3), b"abcd", false),
            Found::Bytes {
                len: 3,
                consumed: 3
            }
        );
        assert_eq!(find(Pattern::Count(0), b"", false), Found::NotYet);
        assert_eq!(
            find(Pattern::Count(0), b"a", false),
            Found::Bytes {
                len: 0,
                consumed: 0
            }
        );
        assert_eq!(find(Pattern::Count(9), b"", false), Found::TooLong);
    }

    #[test]
    fn all_is_everything_at_the_end() {
        assert_eq!(find(Pattern::All, b"abc", false), Found::NotYet);
        assert_eq!(
            find(Pattern::All, b"abc", true),
            Found::Bytes {
                len: 3,
                consumed: 3
            }
        );
        assert_eq!(find(Pattern::All, b"", true), Found::NotYet);
        assert_eq!(find(Pattern::All, b"123456789", true), Found::TooLong);
    }

    #[test]
    fn every_cr_of_a_line_is_dropped() {
        for (line, left) in [
            ("a\rb\r", "ab"),
            ("\r\r", ""),
            ("abc", "abc"),
            ("abc\r", "abc"),
        ] {
            let mut line = line.as_bytes().to_vec();
            let kept = drop_carriage_returns(&mut line);
            assert_eq!(&line[..kept], left.as_bytes());
        }
    }
}
