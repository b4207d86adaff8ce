// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"runtime"
	"strings"
	"unsafe"
)

// TLSIdentity is a certificate, followed by those between it and the root, and its key. Each is a PEM file
// or PEM text.
type TLSIdentity struct {
	CertFile, KeyFile string
	CertPEM, KeyPEM   []byte
}

// TLSConfig is what a TLSContext is made of.
type TLSConfig struct {
	// CertFile and KeyFile are PEM files that say who this side is: a server must, a client may.
	CertFile, KeyFile string
	// Identities are more of them: a client is shown the first, of all, that is for the name that it asks
	// for (SNI), else the first.
	Identities []TLSIdentity
	// CAFile or CAPEM have those to trust: without any a client trusts whom the system trusts; with some a
	// server asks its clients for certificates.
	CAFile string
	CAPEM  []byte
	// NextProtos are the application protocols (ALPN), best first.
	NextProtos []string
	// OnlyTLS13 refuses TLS 1.2.
	OnlyTLS13 bool
	// NoResumption has no session resumed.
	NoResumption bool
	// ClientCertificateOptional has a server with those to trust serve clients without a certificate too.
	ClientCertificateOptional bool
	// InsecureNoVerification has a client take any certificate.
	InsecureNoVerification bool
}

func (config *TLSConfig) flags() C.uint64_t {
	flags := C.uint64_t(0)
	for _, one := range []struct {
		isSet bool
		flag  C.uint64_t
	}{
		{config.InsecureNoVerification, C.COPAS_TLS_INSECURE_NO_VERIFICATION},
		{config.ClientCertificateOptional, C.COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL},
		{config.NoResumption, C.COPAS_TLS_NO_RESUMPTION},
	} {
		if one.isSet {
			flags |= one.flag
		}
	}
	return flags
}

// memory pins what C reads, so that no key is copied to where nobody wipes it.
type memory struct{ pinner runtime.Pinner }

// text is NULL where it is empty.
func (m *memory) text(value string) *C.char {
	if value == "" {
		return nil
	}
	bytes := append([]byte(value), 0)
	m.pinner.Pin(&bytes[0])
	return (*C.char)(unsafe.Pointer(&bytes[0]))
}

// bytes is NULL where they are nil; none that are not nil are empty text, an error.
func (m *memory) bytes(value []byte) (unsafe.Pointer, C.size_t) {
	if value == nil {
		return nil, 0
	}
	if len(value) == 0 {
		value = make([]byte, 1)
		m.pinner.Pin(&value[0])
		return unsafe.Pointer(&value[0]), 0
	}
	m.pinner.Pin(&value[0])
	return unsafe.Pointer(&value[0]), C.size_t(len(value))
}

func (m *memory) identity(one TLSIdentity) C.copas_tls_identity {
	made := C.copas_tls_identity{
		certificate_file: m.text(one.CertFile),
		key_file:         m.text(one.KeyFile),
	}
	made.certificate, made.certificate_len = m.bytes(one.CertPEM)
	made.key, made.key_len = m.bytes(one.KeyPEM)
	return made
}

// options are what C reads, until the pinner lets go.
func (m *memory) options(config *TLSConfig) *C.copas_tls_options {
	var all []C.copas_tls_identity
	if config.CertFile != "" || config.KeyFile != "" {
		own := TLSIdentity{CertFile: config.CertFile, KeyFile: config.KeyFile}
		all = append(all, m.identity(own))
	}
	for _, one := range config.Identities {
		all = append(all, m.identity(one))
	}
	options := &C.copas_tls_options{
		size:        C.sizeof_copas_tls_options,
		flags:       config.flags(),
		ca_file:     m.text(config.CAFile),
		alpn:        m.text(strings.Join(config.NextProtos, ",")),
		min_version: C.COPAS_TLS_1_2,
	}
	options.ca, options.ca_len = m.bytes(config.CAPEM)
	if config.OnlyTLS13 {
		options.min_version = C.COPAS_TLS_1_3
	}
	if len(all) != 0 {
		m.pinner.Pin(&all[0])
		options.identities, options.identity_count = &all[0], C.size_t(len(all))
	}
	return options
}
