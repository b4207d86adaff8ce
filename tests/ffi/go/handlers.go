// SPDX-License-Identifier: MIT

// Fifty interleaving handlers in Go, as plain //export callbacks: no package of the library's.
// Each waits inside nested calls and in deferred functions while it panics and recovers, with the
// garbage collector running. Exits 0 when all of it was right.
package main

/*
#include <copas.h>
#include <stdlib.h>

extern void serveClient(copas_socket *client, void *user);
extern void sleepUntilCanceled(void *user);
*/
import "C"

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

const (
	handlers = 50
	rounds   = 4
	depths   = 6
	patience = 120 * time.Second
)

// What the handlers share without a lock: they run one at a time.
var (
	dispatcher *C.copas
	inside     bool
	turns      int
	served     int
	canceled   bool
)

func check(status C.copas_status) {
	if status != C.COPAS_OK {
		panic(errors.New(C.GoString(C.copas_status_name(C.int(status)))))
	}
}

// turn runs between two waits.
func turn() {
	if inside {
		panic("two handlers run at once")
	}
	inside = true
	runtime.Gosched()
	turns++
	inside = false
}

func pause() {
	check(C.copas_pause(dispatcher, 0, nil))
	turn()
}

func receive(client *C.copas_socket) string {
	var line C.copas_bytes
	check(C.copas_receive(client, C.COPAS_LINE, &line))
	turn()
	return C.GoStringN(line.data, C.int(line.len))
}

func send(client *C.copas_socket, text string) {
	data := []byte(text + "\n")
	check(C.copas_send(client, unsafe.Pointer(&data[0]), C.size_t(len(data))))
}

// nest panics at the deepest call; each level waits in its deferred function and panics with its own.
func nest(client *C.copas_socket, depth int) {
	var frame [4096]byte // so that the stack has to grow meanwhile
	word := receive(client)
	frame[depth] = byte(depth)
	defer func() {
		inner := recover()
		pause()
		if frame[depth] != byte(depth) {
			panic("another handler's frame")
		}
		if inner == nil {
			panic(word)
		}
		panic(word + " " + inner.(string))
	}()
	if depth > 1 {
		nest(client, depth-1)
	}
	pause()
}

func nestAndRecover(client *C.copas_socket) (told string) {
	defer func() {
		told = recover().(string)
	}()
	nest(client, depths)
	return
}

//export serveClient
func serveClient(client *C.copas_socket, _ unsafe.Pointer) {
	for i := 0; i < rounds; i++ {
		send(client, nestAndRecover(client))
		if served%10 == 0 {
			runtime.GC()
		}
	}
	served++
}

//export sleepUntilCanceled
func sleepUntilCanceled(_ unsafe.Pointer) {
	canceled = C.copas_pauseforever(dispatcher) == C.COPAS_CANCELED
}

// talk is the other side: all clients in turn, so that their handlers interleave.
func talk(address string) error {
	var peers [handlers]net.Conn
	var readers [handlers]*bufio.Reader
	for i := range peers {
		peer, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer peer.Close()
		peer.SetDeadline(time.Now().Add(patience))
		peers[i], readers[i] = peer, bufio.NewReader(peer)
	}
	for round := 0; round < rounds; round++ {
		var wanted [handlers][]string
		for depth := 0; depth < depths; depth++ {
			for i, peer := range peers {
				word := fmt.Sprintf("%d-%d-%d", round, depth, i)
				wanted[i] = append(wanted[i], word)
				if _, err := fmt.Fprintln(peer, word); err != nil {
					return err
				}
			}
		}
		for i, reader := range readers {
			line, err := reader.ReadString('\n')
			if err != nil {
				return err
			}
			if line != strings.Join(wanted[i], " ")+"\n" {
				return fmt.Errorf("client %d got %q, not %q", i, line, wanted[i])
			}
		}
	}
	for _, reader := range readers {
		if _, err := reader.ReadByte(); err != io.EOF {
			return fmt.Errorf("the stream goes on: %v", err)
		}
	}
	return nil
}

// listen starts the server and tells its address.
func listen() string {
	var server *C.copas_socket
	var address C.copas_address
	host := C.CString("127.0.0.1")
	defer C.free(unsafe.Pointer(host))
	check(C.copas_bind(dispatcher, host, 0, &server))
	check(C.copas_getsockname(server, &address))
	options := C.copas_server_options{flags: C.COPAS_OS_THREAD}
	options.size = C.size_t(unsafe.Sizeof(options))
	check(C.copas_addserver_with(dispatcher, server, C.copas_handler_fn(C.serveClient), &options))
	sleeper := C.copas_thread_options{flags: C.COPAS_OS_THREAD}
	sleeper.size = C.size_t(unsafe.Sizeof(sleeper))
	check(C.copas_addthread_with(dispatcher, C.copas_thread_fn(C.sleepUntilCanceled), &sleeper, nil))
	return fmt.Sprintf("127.0.0.1:%d", address.port)
}

func main() {
	// The dispatcher belongs to one OS thread.
	runtime.LockOSThread()
	time.AfterFunc(patience, func() { panic("the handlers are stuck") })
	dispatcher = C.copas_new(nil)
	address := listen()
	talked := make(chan error, 1)
	go func() {
		talked <- talk(address)
		C.copas_shutdown(dispatcher, 5)
	}()
	check(C.copas_loop(dispatcher, C.COPAS_FOREVER))
	err := <-talked
	check(C.copas_free(dispatcher))
	if err != nil || served != handlers || !canceled {
		fmt.Println("failed:", err, served, "served, the sleeper canceled:", canceled)
		os.Exit(1)
	}
	fmt.Printf("%d handlers took %d turns\n", served, turns)
}
