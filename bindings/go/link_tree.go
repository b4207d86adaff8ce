// SPDX-License-Identifier: MIT

//go:build copas_tree

package copas

// The build tree of this repository: with -tags copas_tree.

// #cgo CFLAGS: -I${SRCDIR}/../../include
// #cgo LDFLAGS: -L${SRCDIR}/../../build/lib -lcopas -Wl,-rpath,${SRCDIR}/../../build/lib
import "C"
