# SPDX-License-Identifier: MIT
"""The HTTP server with curl, wrk and raw connections."""

import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

import program

BIG = random.Random(1).randbytes(3_000_000)
GET = b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n"


def make_folder(folder):
    (folder / "index.html").write_text("<p>index</p>\n")
    (folder / "a b.txt").write_text("with a space\n")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "big.bin").write_bytes(BIG)
    (folder / ".hidden").write_text("hidden\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "index.html").write_text("<p>sub</p>\n")
    (folder / "bare").mkdir()
    os.symlink("/etc/passwd", folder / "outside")
    os.symlink("index.html", folder / "inside")


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        make_folder(folder)
        cls.server = cls.enterClassContext(program.Server("http_server", 0, folder))

    def answer(self, peer, has_content=True):
        """Reads one answer: its code, its headers, its content."""
        status = peer.line().split(b" ", 2)
        self.assertEqual(status[0], b"HTTP/1.1")
        headers = {}
        while (line := peer.line()) != b"\r\n":
            self.assertTrue(line.endswith(b"\r\n"), line)
            name, value = line[:-2].split(b": ", 1)
            headers[name.lower()] = value
        length = int(headers[b"content-length"])
        return int(status[1]), headers, peer.file.read(length if has_content else 0)

    def ask(self, data, has_content=True):
        with self.server.connect() as peer:
            peer.send(data)
            return self.answer(peer, has_content)

    def code_of(self, target):
        return self.ask(GET % target)[0]

    def test_files_and_folders(self):
        code, headers, content = self.ask(GET % b"/")
        self.assertEqual((code, content), (200, b"<p>index</p>\n"))
        self.assertEqual(headers[b"content-type"], b"text/html; charset=utf-8")
        self.assertIn(b"GMT", headers[b"date"])
        self.assertEqual(self.ask(GET % b"/index.html?query")[2], b"<p>index</p>\n")
        self.assertEqual(self.ask(GET % b"/a%20b.txt")[2], b"with a space\n")
        self.assertEqual(self.ask(GET % b"/empty.txt")[::2], (200, b""))
        self.assertEqual(self.ask(GET % b"/big.bin")[2], BIG)
        self.assertEqual(self.ask(GET % b"/sub/")[2], b"<p>sub</p>\n")
        self.assertEqual(self.ask(GET % b"/inside")[2], b"<p>index</p>\n")
        code, headers, _ = self.ask(GET % b"/sub")
        self.assertEqual((code, headers[b"location"]), (301, b"/sub/"))

    def test_nothing_outside_and_nothing_hidden(self):
        self.assertEqual(self.code_of(b"/nothing"), 404)
        self.assertEqual(self.ask(b"get / HTTP/1.1\r\nHost: x\r\n\r\n")[0], 501)
        self.assertEqual(self.code_of(b"/index.html/x"), 404)
        self.assertEqual(self.code_of(b"/bare/"), 404)
        self.assertEqual(self.code_of(b"http://here/"), 200)
        self.assertEqual(self.code_of(b"http://here"), 200)
        self.assertEqual(self.code_of(b"http://here/../x"), 403)
        for target in (b"/.hidden", b"/../x", b"/sub/../../x", b"/%2e%2e/x", b"/..%2fx",
                       b"/outside", b"/sub/%2e./%2e%2e/etc/passwd"):
            self.assertEqual(self.code_of(target), 403, target)
        for target in (b"/%00", b"/%", b"/%1", b"/%zz", b"no-slash", b"/" + b"x" * 5000):
            self.assertEqual(self.code_of(target), 400, target)

    def test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(self):
        with self.server.connect() as peer:
            targets = [b"/", b"/sub/", b"/nothing", b"/big.bin", b"/a%20b.txt"] * 5
            peer.send(b"".join(GET % target for target in targets))
            for target in targets:
                code, headers, content = self.answer(peer)
                self.assertEqual(code, 404 if target == b"/nothing" else 200)
                self.assertEqual(headers[b"connection"], b"keep-alive")
                if target == b"/big.bin":
                    self.assertEqual(content, BIG)

    def test_a_request_may_come_byte_by_byte(self):
        with self.server.connect() as peer:
            for byte in b"\r\n\r\n" + GET % b"/":
                peer.send(bytes([byte]))
            self.assertEqual(self.answer(peer)[0], 200)

    def test_close_is_honoured(self):
        for request in (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                        b"GET / HTTP/1.0\r\n\r\n"):
            with self.server.connect() as peer:
                peer.send(request)
                _, headers, _ = self.answer(peer)
                self.assertEqual(headers[b"connection"], b"close")
                self.assertEqual(peer.rest(), b"")

    def test_http_1_0_may_keep_its_connection(self):
        with self.server.connect() as peer:
            for _ in range(2):
                peer.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
                self.assertEqual(self.answer(peer)[1][b"connection"], b"keep-alive")

    def test_head_has_no_content(self):
        with self.server.connect() as peer:
            for _ in range(2):
                peer.send(b"HEAD /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
                code, headers, _ = self.answer(peer, has_content=False)
                self.assertEqual((code, int(headers[b"content-length"])), (200, len(BIG)))

    def test_a_body_is_never_taken_for_a_request(self):
        with self.server.connect() as peer:
            body = GET % b"/big.bin"
            peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
            code, headers, _ = self.answer(peer)
            self.assertEqual((code, headers[b"allow"]), (405, b"GET, HEAD"))
            peer.send(GET % b"/")
            self.assertEqual(self.answer(peer)[2], b"<p>index</p>\n")

    def test_a_client_that_waits_for_leave_to_send_gets_it(self):
        with self.server.connect() as peer:
            peer.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                      b"Expect: 100-continue\r\n\r\n")
            self.assertEqual(peer.line(), b"HTTP/1.1 100 Continue\r\n")
            self.assertEqual(peer.line(), b"\r\n")
            peer.send(b"body" + GET % b"/")
            self.assertEqual(self.answer(peer)[0], 405)
            self.assertEqual(self.answer(peer)[0], 200)

    def test_bad_requests_are_answered_and_end_the_connection(self):
        head = b"GET / HTTP/1.1\r\nHost: x\r\n"
        cases = ((b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
                 (head + b"Host: y\r\n\r\n", 400), (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
                 (head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
                 (head + b"Content-Length: x\r\n\r\n", 400),
                 (head + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
                 (head + b"Content-Length: 99999999\r\n\r\n", 413),
                 (b"GET /" + b"x" * 20000, 414), (head + b"X: y\r\n" * 100 + b"\r\n", 431), (head + b"X: " + b"y" * 20000, 431))
        for request, code in cases:
            with self.server.connect() as peer:
                peer.send(request + (b"" if code in (414, 431) else GET % b"/nothing"))
                self.assertEqual(self.answer(peer)[0], code, request[:60])
                self.assertEqual(peer.rest(), b"")

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl(self):
        url = f"http://127.0.0.1:{self.server.port}"
        def curl(*arguments):
            return subprocess.run(["curl", "-sS", "--max-time", "20", *arguments],
                                  capture_output=True, check=True).stdout
        self.assertEqual(curl(f"{url}/big.bin"), BIG)
        self.assertEqual(curl("-L", f"{url}/sub"), b"<p>sub</p>\n")
        self.assertIn(b"Content-Length: 3000000", curl("-I", f"{url}/big.bin"))
        self.assertEqual(curl("-o", "/dev/null", "-w", "%{num_connects} ", f"{url}/",
                              "-o", "/dev/null", f"{url}/sub/"), b"1 0 ")
        self.assertEqual(curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "x=1", f"{url}/"),
                         b"405")

    @unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
    def test_wrk(self):
        done = subprocess.run(["wrk", "-d", "1", "-t", "1", "-c", "50",
                               f"http://127.0.0.1:{self.server.port}/"],
                              capture_output=True, text=True, check=True)
        self.assertIn("requests in", done.stdout)
        self.assertNotIn("Socket errors", done.stdout)
        self.assertNotIn("Non-2xx", done.stdout)


if __name__ == "__main__":
    program.main()
