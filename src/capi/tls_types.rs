// SPDX-License-Identifier: MIT
//! The types of the C ABI about encryption.

use core::ffi::{c_char, c_int, c_void};

/// What encrypted connections share: whom to trust, who this side is, and the sessions to resume.
///
/// Lifetime: from copas_tls_context_new() until as many copas_tls_context_release() as references were
/// taken; servers and connections that use it go on with it. It belongs to no dispatcher and survives
/// copas_free(): one may serve the sockets of several.
///
/// OS threads: any, at the same time. A child of fork() makes contexts of its own: those of its parent are
/// COPAS_FORKED.
///
/// Functions: copas_tls_context_reload, copas_tls_context_retain, copas_tls_context_release,
/// copas_tls_context_stats; it is given to copas_addserver_with(), copas_connect_with() and
/// copas_starttls().
pub struct copas_tls_context {
    _opaque: (),
}

/// A certificate with its key, each in a file or in memory, as PEM text. All of it is read or copied
/// during the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_tls_identity {
    /// Path of a file with the certificate, followed by those between it and the root. NULL: in memory.
    pub certificate_file: *const c_char,
    /// Path of a file with the private key: PKCS#8, PKCS#1 or SEC1, not encrypted. NULL: in memory.
    pub key_file: *const c_char,
    /// The certificates as text.
    pub certificate: *const c_void,
    /// How many bytes.
    pub certificate_len: usize,
    /// The key as text.
    pub key: *const c_void,
    /// How many bytes.
    pub key_len: usize,
}

/// Settings of a TLS context. Zero everything, then set `size` and what you need. Without anything else
/// a client trusts whom the platform trusts, verifies the server's certificate and its name, and speaks
/// TLS 1.2 and 1.3.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_tls_options {
    /// sizeof(copas_tls_options).
    pub size: usize,
    /// 0, or COPAS_TLS_INSECURE_NO_VERIFICATION, COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL,
    /// COPAS_TLS_NO_RESUMPTION together.
    pub flags: u64,
    /// Who this side is. A server has at least one: clients are shown the first that is for the name
    /// that they ask for (SNI), else the first of all. A client has none, or one that it shows to
    /// servers that ask for it.
    pub identities: *const copas_tls_identity,
    /// How many.
    pub identity_count: usize,
    /// Path of a file with the certificates of trusted CAs. For a client NULL (and no `ca`) is the
    /// platform's; a server asks clients for certificates when it has some.
    pub ca_file: *const c_char,
    /// Those CAs as PEM text in memory, instead; NULL: none. Empty text is COPAS_INVALID.
    pub ca: *const c_void,
    /// How many bytes.
    pub ca_len: usize,
    /// Application protocols (ALPN), best first, separated by commas without blanks: "h2,http/1.1".
    /// NULL: none.
    pub alpn: *const c_char,
    /// COPAS_TLS_1_2 or COPAS_TLS_1_3, the oldest version that is spoken. 0: COPAS_TLS_1_2.
    pub min_version: c_int,
}

/// What copas_tls_info() tells of an encrypted connection. Its texts and bytes are the library's, valid
/// until the socket is closed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_tls_details {
    /// sizeof(copas_tls_details), set by the caller.
    pub size: usize,
    /// "TLSv1.3" or "TLSv1.2".
    pub version: *const c_char,
    /// The cipher suite, such as "TLS13_AES_256_GCM_SHA384".
    pub cipher: *const c_char,
    /// The application protocol that was agreed on (ALPN); NULL without one.
    pub alpn: *const c_char,
    /// The name that the client asked for (SNI), or that it verified; NULL without one.
    pub server_name: *const c_char,
    /// The peer's certificate in DER; NULL without one.
    pub certificate: *const c_void,
    /// How many bytes.
    pub certificate_len: usize,
    /// 1: an earlier session was resumed, without a new look at certificates.
    pub resumed: c_int,
}

/// What copas_tls_context_stats() tells: how many handshakes ended how.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_tls_stats {
    /// sizeof(copas_tls_stats), set by the caller.
    pub size: usize,
    /// Successful ones.
    pub handshakes: u64,
    /// Those of them that resumed an earlier session.
    pub resumed: u64,
    /// Those that failed: another certificate, no common version, no TLS at all.
    pub failed: u64,
    /// Those that took too long.
    pub timed_out: u64,
}
