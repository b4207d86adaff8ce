// SPDX-License-Identifier: MIT
//! Loads a server on 127.0.0.1 and prints, as one line of JSON, what that cost. Every byte that the
//! server sends back is compared with what it has to be.

mod connection;
mod content;
mod failure;
mod load;
mod meter;
mod opener;
mod options;
mod pace;
mod poller;
mod server;
mod short;
mod tls;
mod transport;

use failure::Failure;
use meter::{End, Meter, Report};
use options::{Kind, Options};
use server::Server;
use std::process::ExitCode;

fn run(options: &Options) -> Result<Report, Failure> {
    let server = Server::of(options.pid)?;
    let meter = Meter::new(options.warm_up, End::of(options), server);
    match options.kind {
        Kind::Short => short::run(options, meter),
        _ => load::run(options, meter),
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(stop) => return stop.print(),
    };
    match run(&options) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("load: {failure}");
            failure.exit_code()
        }
    }
}
