// SPDX-License-Identifier: MIT
//! Who this side is: certificates with their keys, and which of them a client is shown.

use crate::status::{Fault, Outcome, Status};
use crate::sys::{file, wiping};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error};
use std::borrow::Cow;
use std::sync::Arc;

/// PEM text, and where it comes from.
pub enum Source<'a> {
    /// A file's.
    File(&'a str),
    /// The caller's memory.
    Memory(&'a [u8]),
}

impl Source<'_> {
    /// The text.
    pub fn read(&self) -> Outcome<Cow<'_, [u8]>> {
        match self {
            Source::Memory(text) => Ok(Cow::Borrowed(text)),
            Source::File(path) => file::read(path)
                .map(Cow::Owned)
                .map_err(|e| Fault::system(&e, &format!("read {path}"))),
        }
    }

    /// What is wrong with it.
    pub fn fault(&self, what: &str) -> Fault {
        match self {
            Source::File(path) => Fault::invalid(format!("{path}: {what}")),
            Source::Memory(_) => Fault::invalid(format!("the PEM text in memory: {what}")),
        }
    }
}

/// Where a certificate, followed by those between it and the root, and its key come from.
pub struct IdentitySource<'a> {
    /// The chain.
    pub certificate: Source<'a>,
    /// The key.
    pub key: Source<'a>,
}

impl IdentitySource<'_> {
    /// The certificates of the chain.
    pub fn chain(&self) -> Outcome<Vec<CertificateDer<'static>>> {
        let pem = self.certificate.read()?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            _ => Err(self
                .certificate
                .fault("it has no certificate (PEM: -----BEGIN CERTIFICATE-----)")),
        }
    }

    /// The key.
    pub fn key(&self) -> Outcome<PrivateKeyDer<'static>> {
        let mut pem = self.key.read()?;
        let key = PrivateKeyDer::from_pem_slice(&pem);
        if let Cow::Owned(text) = &mut pem {
            // However big it is: the allocator wipes small blocks alone.
            wiping::wipe(text);
        }
        key.map_err(|_| {
            self.key.fault(
                "it has no private key that can be read (PEM: PKCS#8, PKCS#1 or SEC1, not encrypted)",
            )
        })
    }

    /// Both, which must belong together.
    pub fn load(&self, provider: &CryptoProvider) -> Outcome<Arc<CertifiedKey>> {
        let loaded = CertifiedKey::from_der(self.chain()?, self.key()?, provider);
        loaded.map(Arc::new).map_err(|e| match e {
            Error::InconsistentKeys(_) => {
                self.key.fault("the key does not belong to the certificate")
            }
            Error::InvalidCertificate(CertificateError::BadEncoding) => {
                self.certificate.fault("the certificate cannot be read")
            }
            other => self
                .key
                .fault(&format!("the key or certificate cannot be used: {other}")),
        })
    }
}

/// The certificates of a server.
#[derive(Debug)]
pub struct Identities(Vec<Arc<CertifiedKey>>);

impl Identities {
    /// Of these; the first is shown to clients who name nobody, or somebody unknown.
    pub fn load(sources: &[IdentitySource<'_>], provider: &CryptoProvider) -> Outcome<Self> {
        if sources.is_empty() {
            return Err(Fault::new(
                Status::INVALID,
                "a TLS server needs a certificate and its key: set identities",
            ));
        }
        let loaded = sources.iter().map(|source| source.load(provider));
        Ok(Identities(loaded.collect::<Outcome<_>>()?))
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fits = |identity: &&Arc<CertifiedKey>| {
            let schemes = hello.signature_schemes();
            identity.key.choose_scheme(schemes).is_some()
        };
        let named = match hello.server_name().map(ServerName::try_from) {
            Some(Ok(name)) if self.0.len() > 1 => {
                let mut usable = self.0.iter().filter(fits);
                usable.find(|identity| is_for(identity, &name))
            }
            _ => None,
        };
        let chosen = named.or_else(|| self.0.iter().find(fits));
        chosen.map(Arc::clone)
    }
}

/// Whether a certificate is for a name.
fn is_for(identity: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let parsed = identity.end_entity_cert().map(ParsedCertificate::try_from);
    matches!(parsed, Ok(Ok(certificate)) if verify_server_name(&certificate, name).is_ok())
}
