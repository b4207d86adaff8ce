// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// TLSInfo is what is known of an encrypted connection.
type TLSInfo struct {
	// Version is "TLSv1.3" or "TLSv1.2".
	Version string
	// Cipher is the cipher suite, such as "TLS13_AES_256_GCM_SHA384".
	Cipher string
	// NegotiatedProtocol is what was agreed on (ALPN); "" without one.
	NegotiatedProtocol string
	// ServerName is what the client asked for (SNI), or has verified; "" without one.
	ServerName string
	// Certificate is the peer's, in DER; nil without one.
	Certificate []byte
	// Resumed is whether an earlier session was resumed, without a new look at certificates.
	Resumed bool
}

// TLSInfo tells of an encrypted connection; of one in clear it is an error.
func (c *Conn) TLSInfo() (TLSInfo, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	details := C.copas_tls_details{size: C.sizeof_copas_tls_details}
	C.bridge_tls_info(c.socket, &details, c.d.answer)
	if ended := outcomeOf(c.d.answer); ended.status != C.COPAS_OK {
		return TLSInfo{}, c.fault("tls", ended.failure("tls"))
	}
	told := TLSInfo{
		Version:            C.GoString(details.version),
		Cipher:             C.GoString(details.cipher),
		NegotiatedProtocol: C.GoString(details.alpn),
		ServerName:         C.GoString(details.server_name),
		Resumed:            details.resumed != 0,
	}
	if details.certificate_len != 0 {
		lent := unsafe.Slice((*byte)(details.certificate), int(details.certificate_len))
		told.Certificate = append([]byte(nil), lent...)
	}
	return told, nil
}

// TLSStats is how many handshakes of a context ended how.
type TLSStats struct {
	// Handshakes are those that succeeded, Resumed those of them that resumed an earlier session.
	Handshakes, Resumed uint64
	// Failed are those with no trusted certificate, no common version, or no TLS at all, TimedOut those that
	// took too long.
	Failed, TimedOut uint64
}

// Stats counts the handshakes of the context.
func (t *TLSContext) Stats() TLSStats {
	stats := C.copas_tls_stats{size: C.sizeof_copas_tls_stats}
	C.bridge_tls_stats(t.handle, &stats)
	runtime.KeepAlive(t)
	return TLSStats{
		Handshakes: uint64(stats.handshakes),
		Resumed:    uint64(stats.resumed),
		Failed:     uint64(stats.failed),
		TimedOut:   uint64(stats.timed_out),
	}
}
