// SPDX-License-Identifier: MIT

package copas

// #include "bridge.h"
import "C"

import (
	"io"
	"net"
	"net/netip"
	"syscall"
)

// addressOf is an address as package net tells it.
func addressOf(a *C.copas_address) net.Addr {
	host := C.GoString(&a.host[0])
	if a.family == syscall.AF_UNIX {
		return &net.UnixAddr{Name: host, Net: "unix"}
	}
	ip, err := netip.ParseAddr(host)
	if a.family == 0 || err != nil {
		return &net.TCPAddr{}
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(a.port)))
}

// addresses are those of both ends of a socket. Under the mutex.
func addresses(socket C.uint64_t) (local, remote net.Addr) {
	var here, there C.copas_address
	C.bridge_addresses(socket, &here, &there)
	return addressOf(&here), addressOf(&there)
}

// fits tells whether a numeric address is of the family that a network wants.
func fits(network string, ip netip.Addr) bool {
	switch network {
	case "tcp4":
		return ip.Unmap().Is4()
	case "tcp6":
		return ip.Is6() && !ip.Is4In6()
	}
	return true
}

// wrapped is an error as package net tells it; io.EOF stays what it is.
func wrapped(op string, err error, source, address net.Addr) error {
	if err == io.EOF {
		return err
	}
	network := "tcp"
	if address != nil {
		network = address.Network()
	}
	return &net.OpError{Op: op, Net: network, Source: source, Addr: address, Err: err}
}
