// SPDX-License-Identifier: MIT
//! What can be told of an encrypted connection.

use crate::net::socket::Socket;
use crate::status::{Fault, Outcome, Status};
use rustls::{Connection, HandshakeKind, ProtocolVersion};
use std::ffi::{CStr, CString};

/// What can be told of an encrypted connection; texts are valid as long as its socket.
pub struct Info<'a> {
    /// "TLSv1.3" or "TLSv1.2".
    pub version: &'static CStr,
    /// The name of the cipher suite.
    pub cipher: &'a CStr,
    /// The application protocol, if one was agreed on.
    pub protocol: Option<&'a CStr>,
    /// The name that the client has asked for, if it has.
    pub server_name: Option<&'a CStr>,
    /// The peer's certificate in DER; empty without one.
    pub certificate: (*const u8, usize),
    /// Whether an earlier session was resumed.
    pub resumed: bool,
}

/// Texts that were asked for, kept for the caller.
pub struct Told {
    cipher: CString,
    protocol: Option<CString>,
    server_name: Option<CString>,
}

fn text(bytes: &[u8]) -> Option<CString> {
    CString::new(bytes).ok()
}

impl Told {
    fn of(connection: &Connection, asked: Option<&str>) -> Self {
        let suite = connection.negotiated_cipher_suite();
        let cipher = suite.and_then(|suite| text(format!("{:?}", suite.suite()).as_bytes()));
        let named = match connection {
            Connection::Server(server) => server.server_name(),
            Connection::Client(_) => asked,
        };
        Told {
            cipher: cipher.unwrap_or_default(),
            protocol: connection.alpn_protocol().and_then(text),
            server_name: named.and_then(|name| text(name.as_bytes())),
        }
    }
}

/// What can be told of a socket's encryption.
pub fn info(socket: &Socket) -> Outcome<Info<'_>> {
    let session = socket.tls.get().map(|session| &**session);
    let session = session
        .filter(|session| session.was_secured())
        .ok_or_else(|| Fault::new(Status::UNSUPPORTED, "this socket is not encrypted"))?;
    let connection = session.connection.borrow();
    let told = session
        .told
        .get_or_init(|| Told::of(&connection, session.asked.as_deref()));
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    Ok(Info {
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => c"TLSv1.3",
            _ => c"TLSv1.2",
        },
        cipher: &told.cipher,
        protocol: told.protocol.as_deref(),
        server_name: told.server_name.as_deref(),
        certificate: certificate.map_or((std::ptr::null(), 0), |der| (der.as_ptr(), der.len())),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
    })
}
