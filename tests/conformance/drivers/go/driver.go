// SPDX-License-Identifier: MIT

// The conformance driver in Go: each command that it reads runs in a goroutine of its own.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"hash/adler32"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"copas"
)

const (
	// More bytes than these are told by length and checksum.
	shown  = 256
	period = 65521
	// COPAS_STALE: what is to be canceled has ended.
	stale = -5
)

// driver is what the commands share.
type driver struct {
	sync.Mutex
	conns     map[string]*copas.Conn
	listeners map[string]*copas.Listener
	cancels   map[string]context.CancelFunc
}

// command is one that runs.
type command struct {
	d     *driver
	ctx   context.Context
	words []string
}

var verbs = map[string]func(*command) (string, error){
	"turn":     func(*command) (string, error) { return "=", nil },
	"connect":  (*command).connect,
	"listen":   (*command).listen,
	"accept":   (*command).accept,
	"receive":  (*command).receive,
	"send":     (*command).send,
	"generate": (*command).generate,
	"flush":    (*command).flush,
	"limits":   (*command).limits,
	"shut":     (*command).shut,
	"close":    (*command).close,
	"abort":    (*command).abort,
	"cancel":   (*command).cancel,
}

func (m *command) conn() *copas.Conn {
	m.d.Lock()
	defer m.d.Unlock()
	return m.d.conns[m.words[0]]
}

func (m *command) keep(name string, c *copas.Conn) {
	m.d.Lock()
	defer m.d.Unlock()
	m.d.conns[name] = c
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// end is when a limit from now on has passed.
func end(word string) time.Time {
	if word == "-" {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(must(strconv.ParseFloat(word, 64)) * float64(time.Second)))
}

func bytesOf(word string) []byte { return must(hex.DecodeString(word[1:])) }

func told(data []byte) string {
	if len(data) <= shown {
		return "=" + hex.EncodeToString(data)
	}
	return fmt.Sprintf("#%d:%08x", len(data), adler32.Checksum(data))
}

// network and address of "tcp:HOST:PORT" or "tls:HOST:PORT".
func split(word string) (string, string) {
	network, address, _ := strings.Cut(word, ":")
	return network, address
}

func (m *command) connect() (string, error) {
	ctx := m.ctx
	if at := end(m.words[1]); !at.IsZero() {
		limited, stop := context.WithDeadline(ctx, at)
		defer stop()
		ctx = limited
	}
	network, address := split(m.words[2])
	var c *copas.Conn
	var err error
	if network == "tls" {
		c, err = copas.DialTLS(ctx, "tcp", address, contextFor("client"), "")
	} else {
		c, err = copas.Dial(ctx, network, address)
	}
	if err == nil {
		m.keep(m.words[0], c)
	}
	return "=", err
}

// contexts are what encrypts connections, with the certificates of the run.
var contexts sync.Map

func contextFor(side string) *copas.TLSContext {
	if made, ok := contexts.Load(side); ok {
		return made.(*copas.TLSContext)
	}
	folder := os.Getenv("COPAS_CONFORMANCE_TLS")
	var made *copas.TLSContext
	if side == "server" {
		made = must(copas.NewTLSServer(copas.TLSConfig{
			CertFile: folder + "/server.pem", KeyFile: folder + "/server.key",
		}))
	} else {
		made = must(copas.NewTLSClient(copas.TLSConfig{CAFile: folder + "/ca.pem"}))
	}
	kept, _ := contexts.LoadOrStore(side, made)
	return kept.(*copas.TLSContext)
}

func (m *command) listen() (string, error) {
	network, address := split(m.words[1])
	l, err := copas.Listen("tcp", address)
	if err != nil {
		return "=", err
	}
	m.d.Lock()
	defer m.d.Unlock()
	m.d.listeners[m.words[0]] = l
	if len(m.words) > 2 {
		go serve(l, network == "tls")
	}
	return network + ":" + l.Addr().String(), nil
}

func serve(l *copas.Listener, encrypted bool) {
	for {
		c, err := l.AcceptConn()
		if err != nil {
			return
		}
		go echo(c, encrypted)
	}
}

func echo(c *copas.Conn, encrypted bool) {
	defer c.Close()
	if encrypted && c.StartTLS(context.Background(), contextFor("server"), "") != nil {
		return
	}
	for line, err := c.ReceiveLineRaw(); err == nil; line, err = c.ReceiveLineRaw() {
		c.Write(line)
	}
}

func (m *command) accept() (string, error) {
	m.d.Lock()
	l := m.d.listeners[m.words[0]]
	m.d.Unlock()
	if err := l.SetDeadline(end(m.words[1])); err != nil {
		return "=", err
	}
	defer context.AfterFunc(m.ctx, func() { l.SetDeadline(time.Unix(1, 0)) })()
	c, err := l.AcceptConn()
	if err == nil {
		m.keep(m.words[2], c)
	}
	if err == nil && len(m.words) > 3 {
		err = c.StartTLS(m.ctx, contextFor("server"), "")
	}
	return "=", err
}

func (m *command) receive() (string, error) {
	c := m.conn()
	if err := c.SetReadDeadline(end(m.words[1])); err != nil {
		return "=", err
	}
	// How a goroutine's read is canceled.
	defer context.AfterFunc(m.ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })()
	data, err := receive(c, m.words[2:])
	return told(data), err
}

func receive(c *copas.Conn, words []string) ([]byte, error) {
	switch words[0] {
	case "line":
		return c.ReceiveLine()
	case "raw":
		return c.ReceiveLineRaw()
	case "all":
		return c.ReceiveAll()
	case "some":
		p := make([]byte, 1<<20)
		n, err := c.Read(p)
		return p[:n], err
	case "until":
		return c.ReceiveUntil(string(bytesOf(words[1])))
	}
	return c.Receive(must(strconv.Atoi(words[0])))
}

// write sends within a limit.
func (m *command) write(data []byte) (int, error) {
	c := m.conn()
	if err := c.SetWriteDeadline(end(m.words[1])); err != nil {
		return 0, err
	}
	defer context.AfterFunc(m.ctx, func() { c.SetWriteDeadline(time.Unix(1, 0)) })()
	return c.Write(data)
}

func (m *command) send() (string, error) {
	_, err := m.write(bytesOf(m.words[2]))
	return "=", err
}

func (m *command) generate() (string, error) {
	length, seed := must(strconv.Atoi(m.words[2])), must(strconv.Atoi(m.words[3]))
	data := make([]byte, length)
	for i := range data {
		at := i % period
		data[i] = byte(at*167 + at>>8*13 + seed)
	}
	n, err := m.write(data)
	if err != nil {
		return strconv.Itoa(n), err
	}
	return "=", nil
}

func (m *command) flush() (string, error) {
	c := m.conn()
	if err := c.SetWriteDeadline(end(m.words[1])); err != nil {
		return "=", err
	}
	defer context.AfterFunc(m.ctx, func() { c.SetWriteDeadline(time.Unix(1, 0)) })()
	return "=", c.Flush()
}

func (m *command) limits() (string, error) {
	m.conn().SetLimits(must(strconv.Atoi(m.words[1])), must(strconv.Atoi(m.words[2])))
	return "=", nil
}

func (m *command) shut() (string, error) {
	c := m.conn()
	if m.words[1] != "receive" {
		if err := c.CloseWrite(); err != nil {
			return "=", err
		}
	}
	if m.words[1] != "send" {
		return "=", c.CloseRead()
	}
	return "=", nil
}

func (m *command) close() (string, error) {
	if c := m.conn(); c != nil {
		return "=", c.Close()
	}
	return "=", m.d.listeners[m.words[0]].Close()
}

func (m *command) abort() (string, error) { return "=", m.conn().Abort() }

func (m *command) cancel() (string, error) {
	m.d.Lock()
	defer m.d.Unlock()
	cancel := m.d.cancels[m.words[0]]
	if cancel == nil {
		return "=", &copas.Error{Status: stale}
	}
	cancel()
	return "=", nil
}

// status is the name of how a command ended.
func (m *command) status(err error) string {
	if err != nil && m.ctx.Err() != nil {
		return "CANCELED"
	}
	return strings.TrimPrefix(copas.StatusOf(err).String(), "COPAS_")
}

func (m *command) run(name, verb string) {
	word, err := verbs[verb](m)
	m.d.Lock()
	delete(m.d.cancels, name)
	m.d.Unlock()
	fmt.Println(name, m.status(err), word)
}

// isParked tells whether a goroutine waits for an event or for its turn to write: in Go nobody else can
// tell.
func isParked(id string) bool {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	_, own, _ := bytes.Cut(all, []byte("goroutine "+id+" "))
	own, _, _ = bytes.Cut(own, []byte("\n\n"))
	return bytes.HasPrefix(own, []byte("[chan receive")) ||
		bytes.HasPrefix(own, []byte("[sync.Mutex.Lock")) && bytes.Contains(own, []byte(".awaitTurn("))
}

// start runs a command in a goroutine; with `waits` it says so when it does.
func (d *driver) start(name, verb string, words []string, waits bool) {
	ctx, cancel := context.WithCancel(context.Background())
	d.Lock()
	d.cancels[name] = cancel
	d.Unlock()
	m := &command{d, ctx, words}
	id, over := make(chan string), make(chan struct{})
	go func() {
		defer close(over)
		own := make([]byte, 64)
		id <- strings.Fields(string(own[:runtime.Stack(own, false)]))[1]
		m.run(name, verb)
	}()
	number := <-id
	for waits {
		select {
		case <-over:
			return
		default:
			runtime.Gosched()
		}
		if isParked(number) {
			fmt.Println(name, "waits")
			return
		}
	}
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println("usage: driver\nA driver of the conformance suite: tests/conformance/README.md tells " +
			"what it reads and writes.")
		if os.Args[1] != "--help" {
			os.Exit(2)
		}
		return
	}
	d := &driver{
		conns:     map[string]*copas.Conn{},
		listeners: map[string]*copas.Listener{},
		cancels:   map[string]context.CancelFunc{},
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if words[0] == "start" {
			d.start(words[1], words[2], words[3:], true)
		} else {
			d.start(words[0], words[1], words[2:], false)
		}
	}
}
