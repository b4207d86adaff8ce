// SPDX-License-Identifier: MIT
//! The client's side of TLS: what both sides of a comparison have to agree on is left no choice.

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use socket2::Socket;
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes of records that one receive may give.
const SCRATCH: usize = 256 * 1024;

/// Takes every certificate and signature: who it talks to is not what is measured, and checking costs
/// more than the server's share of a handshake. Whoever has the wrong keys sends no byte that is right.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 alone is spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// What encrypted connections share.
pub struct Encryption {
    config: Arc<ClientConfig>,
    /// Memory for what the kernel gives.
    scratch: RefCell<Vec<u8>>,
}

impl Encryption {
    pub fn new() -> Encryption {
        let provider = CryptoProvider {
            cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![ring::kx_group::X25519],
            ..ring::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])
            .expect("a suite of TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Encryption {
            config: Arc::new(config),
            scratch: RefCell::new(vec![0; SCRATCH]),
        }
    }
}

pub struct Encrypted {
    pub socket: Socket,
    connection: ClientConnection,
    encryption: Rc<Encryption>,
}

fn broken(error: Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

impl Encrypted {
    pub fn new(socket: Socket, encryption: &Rc<Encryption>) -> io::Result<Encrypted> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection =
            ClientConnection::new(Arc::clone(&encryption.config), name).map_err(broken)?;
        Ok(Encrypted {
            socket,
            connection,
            encryption: Rc::clone(encryption),
        })
    }

    /// Whether something that is sealed waits for the kernel.
    pub fn owes(&self) -> bool {
        self.connection.wants_write()
    }

    fn push(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    /// Nothing is sealed before the kernel has taken what was sealed before.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push()?;
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.connection.is_handshaking() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = self.connection.writer().write(bytes)?;
        match self.push() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(n),
        }
    }

    /// Reads what is there; 0 is the end that the server has announced.
    pub fn read(&mut self, memory: &mut [u8]) -> io::Result<usize> {
        let encryption = Rc::clone(&self.encryption);
        let mut scratch = encryption.scratch.borrow_mut();
        // What is in records is shorter than they are: it has room.
        let room = memory.len().min(SCRATCH);
        loop {
            let n = self.socket.read(&mut scratch[..room])?;
            let filled = self.open(&scratch[..n], memory)?;
            if filled != 0 {
                return Ok(filled);
            }
            if n == 0 {
                return self.connection.reader().read(memory);
            }
        }
    }

    /// Opens records, of which the last may be a part only; how much was in them. None are the end of
    /// the stream.
    fn open(&mut self, mut records: &[u8], memory: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            self.connection.read_tls(&mut records)?;
            self.connection.process_new_packets().map_err(broken)?;
            if records.is_empty() {
                break;
            }
            filled += self.take(&mut memory[filled..])?;
        }
        filled += self.take(&mut memory[filled..])?;
        match self.push() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(filled),
        }
    }

    fn take(&mut self, memory: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(memory) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            // Told when there is nothing else to tell.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            done => done,
        }
    }

    /// Says that nothing more will be sent.
    pub fn end(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.push()?;
        self.socket.shutdown(Shutdown::Write)
    }
}
