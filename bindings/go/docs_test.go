// SPDX-License-Identifier: MIT

package copas_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// What the snippets of docs/go.md may use.
var imports = []string{"context", "copas", "errors", "fmt", "log", "net", "net/http", "os", "time"}

func blocks(t *testing.T, document string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", document))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range goBlock.FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	if found == nil {
		t.Fatalf("%s has no Go", document)
	}
	return found
}

// compiled builds one source file as a module of its own that uses this package, as its readers would.
func compiled(t *testing.T, source string) (program string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	module := fmt.Sprintf("module program\n\ngo 1.24\n\nrequire copas v0.0.0\n\nreplace copas => %s\n", here)
	for name, text := range map[string]string{"main.go": source, "go.mod": module, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program = filepath.Join(dir, "program")
	for _, arguments := range [][]string{{"vet", "."}, {"build", "-o", program, "."}} {
		command := exec.Command("go", arguments...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s\n%s", arguments[0], err, output, source)
		}
	}
	return program
}

func TestTheSnippetsOfTheGuideCompile(t *testing.T) {
	body := strings.Join(blocks(t, "docs/go.md"), "\n") + "\nfunc main() {}\n"
	source := "package main\n\n"
	for _, path := range imports {
		if regexp.MustCompile(`\b` + filepath.Base(path) + `\.`).MatchString(body) {
			source += fmt.Sprintf("import %q\n", path)
		}
	}
	compiled(t, source+body)
}

func TestTheProgramOfTheReadmeEchoes(t *testing.T) {
	source := blocks(t, "README.md")[0]
	free := strings.Replace(source, "127.0.0.1:20000", "127.0.0.1:0", 1)
	if free == source {
		t.Fatal("the port is another one")
	}
	server := exec.Command(compiled(t, free))
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = server.Process.Kill(), server.Wait() }()
	var address string
	if _, err := fmt.Fscanf(output, "serving on %s\n", &address); err != nil {
		t.Fatal(err)
	}
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "hello\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
}
