// SPDX-License-Identifier: MIT
//! What a context is made of, and the configuration that follows from it.

use super::context::{Config, Role};
use super::identity::{Identities, IdentitySource, Source};
use super::trust::{self, AcceptAny};
use crate::status::{Fault, Outcome};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, Error, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;

/// What a context is made of.
pub struct Settings<'a> {
    /// Certificates with their keys.
    pub identities: Vec<IdentitySource<'a>>,
    /// Whom to trust; None: a client trusts whom the platform trusts, a server asks for no certificate.
    pub trusted: Option<Source<'a>>,
    /// A client takes any certificate.
    pub accepts_any: bool,
    /// A server that asks for certificates goes on without one.
    pub client_may_be_unknown: bool,
    /// TLS 1.3 alone.
    pub only_13: bool,
    /// Application protocols, the best first.
    pub protocols: Vec<Vec<u8>>,
    /// Sessions are resumed.
    pub resumes: bool,
}

/// The versions that are spoken, newest first.
static VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// The one implementation of the algorithms. Made for each configuration: what is made once for the process
/// may be half done in a child of fork(2), for ever.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn unusable(error: Error) -> Fault {
    Fault::invalid(format!("the TLS settings cannot be used: {error}"))
}

impl Settings<'_> {
    /// The configuration for a role.
    pub fn config(&self, role: Role) -> Outcome<Config> {
        match role {
            Role::Server => Ok(Config::Server(Arc::new(self.server()?))),
            Role::Client => Ok(Config::Client(Arc::new(self.client()?))),
        }
    }

    fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        if self.only_13 {
            &VERSIONS[..1]
        } else {
            &VERSIONS
        }
    }

    fn server(&self) -> Outcome<ServerConfig> {
        if self.accepts_any || (self.client_may_be_unknown && self.trusted.is_none()) {
            return Err(Fault::invalid(
                "a server verifies clients when a CA bundle is set, and only then: \
                 COPAS_TLS_INSECURE_NO_VERIFICATION is for clients, \
                 COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL for servers with a CA bundle",
            ));
        }
        let provider = provider();
        let identities = Identities::load(&self.identities, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions())
            .map_err(unusable)?;
        let builder = match &self.trusted {
            None => builder.with_no_client_auth(),
            Some(source) => {
                builder.with_client_cert_verifier(self.client_verifier(source, provider)?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(identities));
        config.alpn_protocols = self.protocols.clone();
        if self.resumes {
            config.ticketer = ring::Ticketer::new().map_err(unusable)?;
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }

    fn client_verifier(
        &self,
        source: &Source<'_>,
        provider: Arc<CryptoProvider>,
    ) -> Outcome<Arc<dyn ClientCertVerifier>> {
        let roots = trust::bundle(source)?;
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
        if self.client_may_be_unknown {
            builder = builder.allow_unauthenticated();
        }
        builder
            .build()
            .map_err(|e| source.fault(&format!("it cannot be used: {e}")))
    }

    fn client(&self) -> Outcome<ClientConfig> {
        if self.client_may_be_unknown {
            return Err(Fault::invalid(
                "COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL is for servers",
            ));
        }
        if self.accepts_any && self.trusted.is_some() {
            return Err(Fault::invalid(
                "a CA bundle and COPAS_TLS_INSECURE_NO_VERIFICATION exclude each other",
            ));
        }
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions())
            .map_err(unusable)?;
        let builder = match &self.trusted {
            Some(source) => builder.with_root_certificates(trust::bundle(source)?),
            None if self.accepts_any => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAny(Arc::clone(&provider)))),
            None => builder.with_root_certificates(trust::platform()?),
        };
        let mut config = match &self.identities[..] {
            [] => builder.with_no_client_auth(),
            [own] => {
                // Tells a key that does not belong to its certificate, which the builder does not.
                own.load(&provider)?;
                builder
                    .with_client_auth_cert(own.chain()?, own.key()?)
                    .map_err(unusable)?
            }
            _ => return Err(Fault::invalid("a TLS client has at most one identity")),
        };
        config.alpn_protocols = self.protocols.clone();
        if !self.resumes {
            config.resumption = Resumption::disabled();
        }
        Ok(config)
    }
}
