// SPDX-License-Identifier: MIT

// A goroutine for each connection, over Go's package net or over libcopas.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
)

func lines(client net.Conn) {
	defer client.Close()
	reader, writer := bufio.NewReader(client), bufio.NewWriter(client)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		writer.Write(line)
		// More lines are there already: their replies go out with this one.
		more, _ := reader.Peek(reader.Buffered())
		if bytes.IndexByte(more, '\n') < 0 && writer.Flush() != nil {
			return
		}
	}
}

func bulk(client net.Conn) {
	defer client.Close()
	io.Copy(client, client)
}

func serve(handler func(net.Conn)) error {
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go handler(client)
	}
}

func park(count int) error {
	var running atomic.Int64
	never := make(chan struct{})
	for i := 0; i < count; i++ {
		go func() {
			running.Add(1)
			<-never
		}()
	}
	for running.Load() < int64(count) {
		runtime.Gosched()
	}
	fmt.Println("parked", count)
	_, err := io.ReadAll(os.Stdin)
	return err
}

func main() {
	mode := flag.String("mode", "", "lines or bulk: echoes on a free port of 127.0.0.1, which it prints; parked: parks goroutines")
	count := flag.Int("count", 0, "how many goroutines are parked")
	flag.Parse()
	var err error
	switch *mode {
	case "lines":
		err = serve(lines)
	case "bulk":
		err = serve(bulk)
	case "parked":
		err = park(*count)
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
