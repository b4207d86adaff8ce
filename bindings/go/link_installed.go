// SPDX-License-Identifier: MIT

//go:build !copas_tree

package copas

// #cgo pkg-config: copas
import "C"
