// SPDX-License-Identifier: MIT

//go:build !copas

package main

import "net"

// A peer: Go's own package.
func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
