// SPDX-License-Identifier: MIT
//! What the servers share: the command line, the listening socket.

use std::io::{self, Read};
use std::net::SocketAddr;

const USAGE: &str = "\
usage: --mode lines|bulk|parked [--count N]
A server of the benchmarks. lines and bulk: echoes on a free port of 127.0.0.1, which it prints as
'port N'. parked: parks N coroutines, prints 'parked N', and ends when its standard input does.";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Lines,
    Bulk,
    Parked(usize),
}

fn stop(code: i32) -> ! {
    if code == 0 {
        println!("{USAGE}");
    } else {
        eprintln!("{USAGE}");
    }
    std::process::exit(code)
}

fn parse(arguments: &[String]) -> Option<Mode> {
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).map(String::as_str)
    };
    match value("--mode")? {
        "lines" => Some(Mode::Lines),
        "bulk" => Some(Mode::Bulk),
        "parked" => Some(Mode::Parked(value("--count")?.parse().ok()?)),
        _ => None,
    }
}

/// The mode of the command line; ends the program when it names none.
pub fn mode() -> Mode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--help") {
        stop(0);
    }
    parse(&arguments).unwrap_or_else(|| stop(2))
}

/// Prints the port of a listener's address.
pub fn print_port(address: SocketAddr) {
    println!("port {}", address.port());
}

/// Says how many are parked, and waits until standard input ends.
pub fn parked(count: usize) -> io::Result<()> {
    println!("parked {count}");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
