// SPDX-License-Identifier: MIT
//! What went wrong with a connection's encryption, in words.

use crate::status::{Fault, Status};
use rustls::{CertificateError, Error};

/// The fault of a failed handshake or record.
pub fn fault_of(error: &Error) -> Fault {
    match error {
        Error::InvalidCertificate(why) => Fault::new(Status::UNTRUSTED, certificate(why)),
        Error::NoCertificatesPresented => Fault::new(
            Status::UNTRUSTED,
            "the peer has shown no certificate, although it must",
        ),
        Error::AlertReceived(alert) => Fault::new(
            Status::TLS_FAILED,
            format!("the peer has refused: its alert is {alert:?}"),
        ),
        Error::InvalidMessage(why) => Fault::new(
            Status::TLS_FAILED,
            format!("what the peer sent is not TLS, or was changed on its way: {why:?}"),
        ),
        Error::PeerIncompatible(why) => Fault::new(
            Status::TLS_FAILED,
            format!("the two sides have nothing in common (versions, ciphers, keys): {why:?}"),
        ),
        other => Fault::new(Status::TLS_FAILED, other.to_string()),
    }
}

/// Why a certificate is not trusted.
fn certificate(why: &CertificateError) -> String {
    use CertificateError as Why;
    match why {
        Why::UnknownIssuer => {
            "nobody who is trusted has signed the peer's certificate: it signed itself, or its CA is \
             not among the trusted ones, or an intermediate one is missing"
                .into()
        }
        Why::Expired | Why::ExpiredContext { .. } => "the peer's certificate has expired".into(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "the peer's certificate is not valid yet: compare the clocks".into()
        }
        Why::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "the peer's certificate is not for {}: it is for {}",
            expected.to_str(),
            presented.join(", ")
        ),
        Why::BadSignature => {
            "the peer's certificate is not signed by the CA that it names: another one of that name \
             is trusted"
                .into()
        }
        Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => {
            "the peer's certificate is not made for this side of a connection (extended key usage)"
                .into()
        }
        other => match other.to_string() {
            told if told.contains("CaUsedAsEndEntity") => {
                "the peer's certificate is that of a CA: let the CA sign one for the host".into()
            }
            told => format!("the peer's certificate: {told}"),
        },
    }
}
