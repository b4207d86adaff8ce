// SPDX-License-Identifier: MIT
//! What went wrong with each of a host's addresses.

use crate::status::{Fault, Outcome, Status};
use std::net::SocketAddr;

/// Whether a failure has nothing to do with the address.
pub fn is_final(fault: &Fault) -> bool {
    matches!(
        fault.status,
        Status::CANCELED | Status::CANNOT_WAIT | Status::LIMIT | Status::NO_MEMORY
    )
}

/// The last failure, with the words of all.
pub fn all_failed(host: &str, mut failures: Vec<(SocketAddr, Fault)>) -> Fault {
    let told: Vec<String> = failures
        .iter()
        .map(|(address, fault)| format!("{address}: {}", fault.describe()))
        .collect();
    let Some((_, mut last)) = failures.pop() else {
        return Status::UNRESOLVED.into();
    };
    if !failures.is_empty() {
        let text = format!("no address of {host} can be had: {}", told.join("; "));
        last.text = Some(text.into());
    }
    last
}

/// What `attempt` gives for the first address of a host that it succeeds with.
pub fn first_of<T>(
    host: &str,
    addresses: &[SocketAddr],
    mut attempt: impl FnMut(SocketAddr) -> Outcome<T>,
) -> Outcome<T> {
    let mut failures = Vec::new();
    for &address in addresses {
        match attempt(address) {
            Ok(made) => return Ok(made),
            Err(fault) if is_final(&fault) => return Err(fault),
            Err(fault) => failures.push((address, fault)),
        }
    }
    Err(all_failed(host, failures))
}
