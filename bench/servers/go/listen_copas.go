// SPDX-License-Identifier: MIT

//go:build copas

package main

import (
	"net"

	"copas"
)

// Ours: the same connections over libcopas.
func listen(address string) (net.Listener, error) { return copas.Listen("tcp", address) }
