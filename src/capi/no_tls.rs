// SPDX-License-Identifier: MIT
//! What the exports say about encryption in a library without it.

use super::types::copas_tls_context;
use crate::net::tls::{Context, Peer};
use crate::status::{Fault, Outcome, Status};
use std::sync::Arc;

fn missing() -> Fault {
    Fault::new(
        Status::UNSUPPORTED,
        "this library was built without TLS (cargo's feature tls, cmake's COPAS_TLS)",
    )
}

/// There are none.
pub(super) fn server_context_of(_: *const copas_tls_context) -> Outcome<Arc<Context>> {
    Err(missing())
}

/// There are none.
pub(super) fn peer_of(_: *const copas_tls_context, _: &str) -> Outcome<Peer> {
    Err(missing())
}
