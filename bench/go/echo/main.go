// SPDX-License-Identifier: MIT

// A line echo server, over libcopas or over package net: what bench/go/run compares.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net"

	"copas"
)

func listen(over string) (net.Listener, error) {
	switch over {
	case "copas":
		return copas.Listen("tcp", "127.0.0.1:0")
	case "net":
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return nil, fmt.Errorf("-over %s: it is copas or net", over)
}

// echo answers each line with itself; the lines that are there already with one write.
func echo(c net.Conn) {
	defer c.Close()
	lines := bufio.NewReader(c)
	answers := bufio.NewWriter(c)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		if _, err := answers.Write(line); err != nil {
			return
		}
		if lines.Buffered() == 0 && answers.Flush() != nil {
			return
		}
	}
}

func main() {
	over := flag.String("over", "copas", "copas or net: what carries the connections")
	flag.Parse()
	l, err := listen(*over)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("port %d\n", l.Addr().(*net.TCPAddr).Port)
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go echo(c)
	}
}
