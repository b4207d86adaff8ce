// SPDX-License-Identifier: MIT
//! What good clients send: lines of which no two are alike.

/// The line, with its ending, of a client's request.
pub fn line(client: usize, request: u64) -> Vec<u8> {
    let mut line = format!("good {client} {request} ").into_bytes();
    let mut word = mixed(client as u64 ^ request.rotate_left(32));
    let length = word % 200;
    line.extend((0..length).map(|_| {
        word = mixed(word);
        b'a' + (word % 26) as u8
    }));
    line.push(b'\n');
    line
}

/// SplitMix64's finish: neighbours give quite different numbers.
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_lines_are_alike_and_each_ends_once() {
        let mut seen = HashSet::new();
        for client in 0..20 {
            for request in 0..500 {
                let line = line(client, request);
                assert_eq!(line.iter().position(|&b| b == b'\n'), Some(line.len() - 1));
                assert!(seen.insert(line));
            }
        }
    }
}
