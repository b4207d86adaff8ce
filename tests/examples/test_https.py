# SPDX-License-Identifier: MIT
"""The HTTPS server and the HTTPS client with curl, with each other, and with a server of Python's."""

import http.server
import pathlib
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import program

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tls"))
from folder import Folder  # noqa: E402: it is beside

BIG = random.Random(1).randbytes(3_000_000)


class Https(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.folder.make_ca("ca")
        cls.folder.make("server", "DNS:localhost,IP:127.0.0.1")
        cls.files = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (cls.files / "index.html").write_text("<p>index</p>\n")
        (cls.files / "big.bin").write_bytes(BIG)

    def server(self):
        return program.Server("https_server", 0, self.files, *self.folder.pair("server"))

    def curl(self, port, path, *options, host="localhost"):
        where = ["--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/{path}"]
        trust = ["--cacert", self.folder.certificate("ca")]
        command = ["curl", "-sS", "--max-time", str(program.PATIENCE), *trust, *options, *where]
        return subprocess.run(command, capture_output=True, check=False)

    def get(self, port, path, host="localhost"):
        command = [program.example("https_get"), host, str(port), path]
        command.append(self.folder.certificate("ca"))
        return subprocess.run(command, capture_output=True, timeout=program.PATIENCE, check=False)

    @unittest.skipUnless(shutil.which("curl"), "curl is missing")
    def test_curl_fetches_files(self):
        with self.server() as server:
            self.assertEqual(self.curl(server.port, "").stdout, b"<p>index</p>\n")
            self.assertEqual(self.curl(server.port, "big.bin").stdout, BIG)
            twice = self.curl(server.port, "big.bin", "--tlsv1.3", "-o", "/dev/null", "--next",
                              "--cacert", self.folder.certificate("ca"))
            self.assertEqual(twice.returncode, 0, twice.stderr)

    @unittest.skipUnless(shutil.which("curl"), "curl is missing")
    def test_curl_refuses_another_name(self):
        with self.server() as server:
            refused = self.curl(server.port, "", host="example.org")
            self.assertEqual(refused.returncode, 60, refused.stderr)

    def test_the_client_fetches_from_the_server(self):
        with self.server() as server:
            self.assertEqual(self.get(server.port, "/").stdout, b"<p>index</p>\n")
            self.assertEqual(self.get(server.port, "/big.bin").stdout, BIG)
            missing = self.get(server.port, "/missing")
            self.assertEqual((missing.returncode, missing.stderr),
                             (1, b"the server answered with 404\n"))

    def test_the_client_says_why_it_refuses(self):
        with self.server() as server:
            self.folder.make_ca("other")
            command = [program.example("https_get"), "localhost", str(server.port), "/"]
            command.append(self.folder.certificate("other"))
            refused = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("cannot connect: nobody who is trusted has signed", refused.stderr)

    def test_the_client_fetches_from_a_server_of_pythons(self):
        files = str(self.files)

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=files)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.folder.pair("server"))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            os_thread = threading.Thread(target=server.serve_forever)
            os_thread.start()
            try:
                self.assertEqual(self.get(server.server_port, "/big.bin").stdout, BIG)
            finally:
                server.shutdown()
                os_thread.join()

    def test_a_hangup_renews_the_certificate(self):
        with self.server() as server:
            before = ssl.get_server_certificate(("127.0.0.1", server.port))
            self.folder.make("server", "DNS:localhost,IP:127.0.0.1")
            server.process.send_signal(signal.SIGHUP)
            end = time.monotonic() + program.PATIENCE
            while ssl.get_server_certificate(("127.0.0.1", server.port)) == before:
                self.assertLess(time.monotonic(), end)
            self.assertEqual(self.get(server.port, "/").stdout, b"<p>index</p>\n")


if __name__ == "__main__":
    program.main()
