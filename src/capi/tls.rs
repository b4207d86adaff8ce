// SPDX-License-Identifier: MIT
//! The exports about encryption. Each is marked by its feature by itself: the header is written from
//! this file alone.

use super::copas_status;
use super::guard::{answer, handle_of, on, on_socket, pointer, seconds as check_seconds};
use super::memory::{Growing, bytes, place, read_sized, text, write_sized};
use super::poll::reply_places;
use super::types::*;
use crate::dispatcher::{Boxed, Ends, Given};
use crate::net::Net;
use crate::net::tls::{self, Context, IdentitySource, Info, Peer, Role, Settings, Source};
use crate::status::{Fault, Outcome, Status};
use core::ffi::{CStr, c_char, c_int, c_void};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// copas_tls_options.flags.
const NO_VERIFICATION: u64 = 1;
/// copas_tls_options.flags.
const CLIENT_CERTIFICATE_OPTIONAL: u64 = 2;
/// copas_tls_options.flags.
const NO_RESUMPTION: u64 = 4;

/// copas_event.kind.
const STARTTLS: u32 = 20;

/// Certificates of one server, at most.
const MOST_IDENTITIES: usize = 1024;

// SAFETY: repr(C), the size first, and every field may be zero.
unsafe impl Growing for copas_tls_options {}
// SAFETY: as above.
unsafe impl Growing for copas_tls_details {}
// SAFETY: as above.
unsafe impl Growing for copas_tls_stats {}

/// Makes a context for servers (`role` COPAS_TLS_SERVER) or clients (COPAS_TLS_CLIENT), with one
/// reference. `options` may be NULL for a client; files are read now, and blocks while they are. `c` is
/// told what is wrong (copas_error()); the context does not belong to it.
///
/// Errors: COPAS_INVALID (also when a file has no certificate or key, a key does not belong to its
/// certificate, or a server has no identity), COPAS_SYSTEM and others of reading a file,
/// COPAS_UNSUPPORTED (the platform trusts nobody), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_tls_context_new(
    c: *mut copas,
    role: c_int,
    options: *const copas_tls_options,
    out: *mut *mut copas_tls_context,
) -> copas_status {
    answer(|| {
        on(handle_of(c)?, |_| {
            // SAFETY: NULL or writable, as the comment asks.
            let out = unsafe { place(out, "out")? };
            let role = match role {
                1 => Role::Server,
                2 => Role::Client,
                _ => {
                    return Err(Fault::invalid(
                        "role is COPAS_TLS_SERVER or COPAS_TLS_CLIENT",
                    ));
                }
            };
            // SAFETY: NULL or a struct with its size, whose pointers are as its comments say.
            let settings = unsafe { settings_of(options) }?;
            out.write(pointer(Context::create(role, &settings)?));
            Ok(())
        })
    })
}

/// Gives a context new settings, such as a renewed certificate: handshakes that begin afterwards use
/// them, and resume no session from before. Connections that are there go on. On an error nothing has
/// changed. Errors: as copas_tls_context_new(). Never switches.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_tls_context_reload(
    c: *mut copas,
    context: *mut copas_tls_context,
    options: *const copas_tls_options,
) -> copas_status {
    answer(|| {
        on(handle_of(c)?, |_| {
            let context = context_of(context)?;
            // SAFETY: NULL or a struct with its size, whose pointers are as its comments say.
            let settings = unsafe { settings_of(options) }?;
            context.reload(&settings)
        })
    })
}

/// Takes one more reference to a context. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED. From any
/// OS thread.
/// Never switches.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
pub extern "C" fn copas_tls_context_retain(context: *mut copas_tls_context) -> copas_status {
    answer(|| Context::retain(handle_of(context)?))
}

/// Gives a reference back; after the last one the handle is stale. Servers and connections that use the
/// context go on. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED. From any OS thread. Never switches.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
pub extern "C" fn copas_tls_context_release(context: *mut copas_tls_context) -> copas_status {
    answer(|| Context::release(handle_of(context)?))
}

/// Fills `stats` with how many handshakes of a context ended how. Set `stats->size` first. Errors:
/// COPAS_INVALID, COPAS_STALE, COPAS_FORKED. From any OS thread. Never switches.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_tls_context_stats(
    context: *mut copas_tls_context,
    stats: *mut copas_tls_stats,
) -> copas_status {
    answer(|| {
        let tally = &context_of(context)?.tally;
        let told = copas_tls_stats {
            size: 0,
            handshakes: tally.done.load(Relaxed),
            resumed: tally.resumed.load(Relaxed),
            failed: tally.failed.load(Relaxed),
            timed_out: tally.timed_out.load(Relaxed),
        };
        // SAFETY: NULL or a struct with its size, as the comment asks.
        unsafe { write_sized(stats, &told) }
    })
}

/// Encrypts a connection that is there, as a server or a client by the role of `context`, within its
/// connect time limit (none: no limit). A client names in `server_name` whom the certificate must be
/// for; for a server it is NULL. What was sent before goes out in clear; what was received and not taken
/// counts as the beginning of the handshake, so nobody slips plain bytes in.
///
/// Where it fails, also by its time limit or a cancellation, even one from before the call, the socket is
/// good for copas_close() alone: it is never plain again, and what was received is shown to nobody. Only
/// where it cannot begin at all (COPAS_INVALID, COPAS_UNSUPPORTED, COPAS_BUSY at the call) the socket stays
/// as it was. What others send meanwhile waits for the handshake.
///
/// Errors: COPAS_TIMEOUT; COPAS_UNTRUSTED (the peer's certificate, or its name); COPAS_TLS_FAILED;
/// COPAS_CLOSED; COPAS_CANCELED; COPAS_BUSY (somebody receives on it, or a send waits); COPAS_UNSUPPORTED
/// (not a stream, or encrypted already); COPAS_INVALID (also without a name where one is needed);
/// COPAS_CANNOT_WAIT; COPAS_SYSTEM; COPAS_STALE and COPAS_FORKED (also the context); COPAS_WRONG_THREAD.
/// Switch point.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_starttls(
    skt: *mut copas_socket,
    context: *mut copas_tls_context,
    server_name: *const c_char,
) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or terminated, as the comment asks.
        let name = unsafe { text(server_name) }?;
        let context = context_of(context)?;
        d.bind();
        tls::secure(d, socket, context, name)
    })
}

/// Submits a copas_starttls(); a failure's words are in the event's `data`. Answers as
/// copas_submit_receive(). Errors: COPAS_INVALID, COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD; all
/// others are in the event. Never switches.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_starttls(
    skt: *mut copas_socket,
    context: *mut copas_tls_context,
    server_name: *const c_char,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or terminated; NULL or writable, as the comment asks.
        let (name, reply) = unsafe { (text(server_name)?, reply_places(now, out)) };
        let context = context_of(context)?;
        let name = tls::name_for(&context, name)?;
        let own = Net::of(d).dispatcher().ok_or(Status::STALE)?;
        let seconds = check_seconds(socket.timeouts.get().connect)?;
        let securing = tls::securing(own, Rc::clone(socket), context, name, seconds);
        let securing = async move { securing.await.map(|()| Given::result(0)) };
        let said = reply.submission(STARTTLS, token, socket.handle, -1.0);
        Ok(reply.give(d.submit(said, Boxed::of(securing, Ends::AsTold))?))
    })
}

/// Fills `details` with what is known of an encrypted connection, also when it has been cut off or
/// has failed since its handshake. Set `details->size` first. Errors: COPAS_UNSUPPORTED (it is not
/// encrypted), COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[cfg(feature = "tls")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_tls_info(
    skt: *mut copas_socket,
    details: *mut copas_tls_details,
) -> copas_status {
    on_socket(skt, |_, socket| {
        let told = details_of(&tls::info(socket)?);
        // SAFETY: NULL or a struct with its size, as the comment asks.
        unsafe { write_sized(details, &told) }
    })
}

fn details_of(info: &Info<'_>) -> copas_tls_details {
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    copas_tls_details {
        size: 0,
        version: info.version.as_ptr(),
        cipher: info.cipher.as_ptr(),
        alpn: pointer(info.protocol),
        server_name: pointer(info.server_name),
        certificate: info.certificate.0.cast(),
        certificate_len: info.certificate.1,
        resumed: c_int::from(info.resumed),
    }
}

/// The context of a pointer.
pub(super) fn context_of(context: *const copas_tls_context) -> Outcome<Arc<Context>> {
    Context::find(handle_of(context)?)
}

/// The server context of a pointer.
pub(super) fn server_context_of(context: *const copas_tls_context) -> Outcome<Arc<Context>> {
    let context = context_of(context)?;
    context.check(Role::Server)?;
    Ok(context)
}

/// How a client's connection is encrypted.
pub(super) fn peer_of(context: *const copas_tls_context, name: &str) -> Outcome<Peer> {
    let context = context_of(context)?;
    context.check(Role::Client)?;
    let name = tls::name_for(&context, Some(name))?;
    Ok((context, name))
}

/// PEM text of a caller: in a file, in memory, or not there. Memory without a byte is there: who names
/// CAs wants no fewer than they are.
///
/// # Safety
/// `file` is NULL or terminated; `memory` is NULL or points to `len` bytes.
unsafe fn source_of<'a>(
    file: *const c_char,
    memory: *const c_void,
    len: usize,
) -> Outcome<Option<Source<'a>>> {
    // SAFETY: the caller says so.
    let (file, text) = unsafe { (text(file)?, bytes(memory, len)?) };
    match (file, memory.is_null()) {
        (Some(_), false) => Err(Fault::invalid(
            "PEM text is either in a file or in memory, not both",
        )),
        (Some(path), true) => Ok(Some(Source::File(path))),
        (None, true) => Ok(None),
        (None, false) if text.is_empty() => Err(Fault::invalid(
            "PEM text in memory has length 0: set its length, or NULL for none",
        )),
        (None, false) => Ok(Some(Source::Memory(text))),
    }
}

/// # Safety
/// The pointers of `identity` are NULL or as its comments say.
unsafe fn identity_of<'a>(identity: &copas_tls_identity) -> Outcome<IdentitySource<'a>> {
    // SAFETY: the caller says so.
    let (certificate, key) = unsafe {
        (
            source_of(
                identity.certificate_file,
                identity.certificate,
                identity.certificate_len,
            )?,
            source_of(identity.key_file, identity.key, identity.key_len)?,
        )
    };
    let missing = |what: &str| Fault::invalid(format!("an identity has no {what}"));
    Ok(IdentitySource {
        certificate: certificate.ok_or_else(|| missing("certificate"))?,
        key: key.ok_or_else(|| missing("key"))?,
    })
}

/// The identities of a caller.
///
/// # Safety
/// `identities` is NULL or points to `count` of them, whose pointers are as their comments say.
unsafe fn identities_of<'a>(
    identities: *const copas_tls_identity,
    count: usize,
) -> Outcome<Vec<IdentitySource<'a>>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if identities.is_null() || count > MOST_IDENTITIES {
        return Err(Fault::invalid(
            "identities is NULL, or there are more than 1024",
        ));
    }
    // SAFETY: not NULL, and the caller says that they are there.
    let identities = unsafe { std::slice::from_raw_parts(identities, count) };
    identities
        .iter()
        // SAFETY: the caller says so of each.
        .map(|identity| unsafe { identity_of(identity) })
        .collect()
}

/// The settings of a caller.
///
/// # Safety
/// `options` is NULL or a struct with its size, whose pointers are NULL or as its comments say.
unsafe fn settings_of<'a>(options: *const copas_tls_options) -> Outcome<Settings<'a>> {
    // SAFETY: the caller says so.
    let options = unsafe { read_sized(options) }.check()?;
    if options.flags & !(NO_VERIFICATION | CLIENT_CERTIFICATE_OPTIONAL | NO_RESUMPTION) != 0 {
        return Err(Fault::invalid(
            "copas_tls_options.flags has an unknown flag",
        ));
    }
    // SAFETY: the caller says so.
    let (identities, trusted, alpn) = unsafe {
        (
            identities_of(options.identities, options.identity_count)?,
            source_of(options.ca_file, options.ca, options.ca_len)?,
            text(options.alpn)?,
        )
    };
    Ok(Settings {
        identities,
        trusted,
        accepts_any: options.flags & NO_VERIFICATION != 0,
        client_may_be_unknown: options.flags & CLIENT_CERTIFICATE_OPTIONAL != 0,
        only_13: match options.min_version {
            0 | 12 => false,
            13 => true,
            _ => {
                return Err(Fault::invalid(
                    "min_version is 0, COPAS_TLS_1_2 or COPAS_TLS_1_3",
                ));
            }
        },
        protocols: protocols_of(alpn)?,
        resumes: options.flags & NO_RESUMPTION == 0,
    })
}

/// The application protocols of a list.
fn protocols_of(list: Option<&str>) -> Outcome<Vec<Vec<u8>>> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    list.split(',')
        .map(|name| match name.len() {
            1..=255 if !name.contains(char::is_whitespace) => Ok(name.as_bytes().to_vec()),
            _ => Err(Fault::invalid(
                "alpn is a list of protocols of 1 to 255 bytes, separated by commas alone, not by blanks",
            )),
        })
        .collect()
}
