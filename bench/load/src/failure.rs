// SPDX-License-Identifier: MIT
//! Why a run has no figures.

use std::fmt;
use std::io;
use std::process::ExitCode;

#[derive(Debug)]
pub enum Failure {
    /// The server sent a byte that it should not have sent.
    Wrong(String),
    /// The run could not be brought to its end.
    Broken(String),
}

impl Failure {
    /// What the runner tells them apart by: 3 is a wrong byte.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Wrong(_) => 3,
            Failure::Broken(_) => 1,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Wrong(text) => write!(out, "wrong byte: {text}"),
            Failure::Broken(text) => out.write_str(text),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Broken(error.to_string())
    }
}
