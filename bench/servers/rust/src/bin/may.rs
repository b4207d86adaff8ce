// SPDX-License-Identifier: MIT
//! A peer: may, a coroutine with a stack for each connection, on one worker.

use may::net::{TcpListener, TcpStream};
use may::sync::Semphore;
use servers::Mode;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn lines(client: TcpStream) -> Result<()> {
    // The stream cannot be shared by reference, and a second descriptor would halve the connections.
    let mut reader = BufReader::new(client);
    let mut replies = Vec::new();
    while reader.read_until(b'\n', &mut replies)? > 0 {
        // More lines are there already: their replies go out with this one.
        if !reader.buffer().contains(&b'\n') {
            reader.get_mut().write_all(&replies)?;
            replies.clear();
        }
    }
    Ok(())
}

fn bulk(mut client: TcpStream) -> Result<()> {
    let mut bytes = vec![0; 65_536];
    loop {
        let n = client.read(&mut bytes)?;
        if n == 0 {
            return Ok(());
        }
        client.write_all(&bytes[..n])?;
    }
}

fn serve(mode: Mode) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    servers::print_port(listener.local_addr()?);
    for client in listener.incoming() {
        let client = client?;
        client.set_nodelay(true)?;
        let handler = if mode == Mode::Lines { lines } else { bulk };
        // An error is the end of that connection alone.
        may::go!(move || drop(handler(client)));
    }
    Ok(())
}

fn park(count: usize) -> Result<()> {
    let (running, never) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semphore::new(0)));
    for _ in 0..count {
        let (running, never) = (running.clone(), never.clone());
        may::go!(move || {
            running.fetch_add(1, Ordering::Relaxed);
            never.wait();
        });
    }
    while running.load(Ordering::Relaxed) < count {
        std::thread::yield_now();
    }
    servers::parked(count)
}

fn main() -> Result<()> {
    may::config().set_workers(1);
    match servers::mode() {
        Mode::Parked(count) => park(count),
        mode => {
            let server = may::go!(move || serve(mode));
            server.join().expect("the server does not panic")
        }
    }
}
