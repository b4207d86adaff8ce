// SPDX-License-Identifier: MIT
//! Whom to trust: the platform's roots, a bundle of the program's, or, where it insists, anybody.

use super::identity::Source;
use crate::status::{Fault, Outcome, Status};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::{Arc, Mutex};

/// The platform's roots, read once for the process. Nobody waits for the lock: in a child of fork(2) it may
/// be held for ever, and the roots are read anew.
static PLATFORM: Mutex<Option<Arc<RootCertStore>>> = Mutex::new(None);

/// Those whom the platform trusts.
pub fn platform() -> Outcome<Arc<RootCertStore>> {
    if let Ok(known) = PLATFORM.try_lock()
        && let Some(roots) = &*known
    {
        return Ok(Arc::clone(roots));
    }
    let roots = Arc::new(read_platform()?);
    if let Ok(mut known) = PLATFORM.try_lock() {
        *known = Some(Arc::clone(&roots));
    }
    Ok(roots)
}

fn read_platform() -> Outcome<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(Fault::new(
            Status::UNSUPPORTED,
            "this system has no trusted certificates: install them (on Debian: ca-certificates), or \
             name a CA bundle",
        ));
    }
    Ok(roots)
}

/// Those of a bundle.
pub fn bundle(source: &Source<'_>) -> Outcome<Arc<RootCertStore>> {
    let pem = source.read()?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let added = certificate.map(|certificate| roots.add(certificate));
        if !matches!(added, Ok(Ok(()))) {
            return Err(source.fault("a certificate in it cannot be read"));
        }
    }
    if roots.is_empty() {
        return Err(source.fault("it has no certificate (PEM: -----BEGIN CERTIFICATE-----)"));
    }
    Ok(Arc::new(roots))
}

/// Accepts every certificate. The peer still has to own its key.
#[derive(Debug)]
pub struct AcceptAny(pub Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
