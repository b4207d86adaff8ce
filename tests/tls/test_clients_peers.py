# SPDX-License-Identifier: MIT
"""An encrypted client of the library's with servers of others: openssl s_server, Python's ssl."""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from folder import PATIENCE, Folder, connect, pattern


class PythonServer:
    """Serves one client with `talk`, for the length of a `with`."""

    def __init__(self, context, talk):
        self.context, self.talk = context, talk

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.os_thread = threading.Thread(target=self.serve)
        self.os_thread.start()
        return self

    def serve(self):
        plain, _ = self.listener.accept()
        plain.settimeout(PATIENCE)
        try:
            with self.context.wrap_socket(plain, server_side=True) as client:
                self.talk(client)
        except (ssl.SSLError, ConnectionError):
            plain.close()

    def __exit__(self, *_):
        self.os_thread.join()
        self.listener.close()


def echo(client):
    """Echoes until the client ends its side, and announces its own end."""
    while data := client.recv(65536):
        client.sendall(data)
    client.unwrap()


def cut(client):
    """Echoes, and leaves without an announcement."""
    while data := client.recv(65536):
        client.sendall(data)
    os.close(client.detach())


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = folder = Folder(cls.enterClassContext(tempfile.TemporaryDirectory()))
        folder.make_ca("ca")
        folder.make_ca("other")
        folder.make("server", "DNS:localhost,IP:127.0.0.1")
        folder.make("rsa", "DNS:localhost", key=["-newkey", "rsa:2048", "-nodes"])
        folder.make("expired", "DNS:localhost", days=-1)
        folder.make("stranger", "DNS:localhost", ca="other")
        folder.make("client", "DNS:client")

    def context(self, name="server", version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.folder.pair(name))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def meet(self, context, what="hello", talk=echo, **options):
        with PythonServer(context, talk) as server:
            return connect(server.port, self.folder, what, **options)

    def test_python_serves_both_versions(self):
        wanted = {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}
        for version, told in wanted.items():
            answer = self.meet(self.context(version=getattr(ssl.TLSVersion, version)))
            self.assertEqual(answer[:2], ["received", "6"])
            self.assertEqual(answer[3:], [told, "-", "0"])

    def test_an_rsa_key_is_verified_too(self):
        self.assertEqual(self.meet(self.context("rsa"))[0], "received")

    def test_the_wrong_host_is_refused(self):
        answer = self.meet(self.context(), name="example.org")
        self.assertEqual(answer[:2], ["connect", "COPAS_UNTRUSTED"])

    def test_an_expired_certificate_is_refused(self):
        answer = self.meet(self.context("expired"))
        self.assertEqual(answer[:2], ["connect", "COPAS_UNTRUSTED"])

    def test_an_unknown_ca_is_refused(self):
        answer = self.meet(self.context("stranger"))
        self.assertEqual(answer[:2], ["connect", "COPAS_UNTRUSTED"])

    def test_protocols_are_agreed_on(self):
        context = self.context()
        context.set_alpn_protocols(["echo/1"])
        self.assertEqual(self.meet(context)[4], "echo/1")

    def test_a_server_that_asks_for_a_certificate_gets_it(self):
        context = self.context()
        context.load_verify_locations(self.folder.certificate("ca"))
        context.verify_mode = ssl.CERT_REQUIRED
        self.assertEqual(self.meet(context, own="client")[0], "received")
        self.assertEqual(self.meet(context)[:2], ["receive", "COPAS_TLS_FAILED"])

    def test_an_end_without_an_announcement_is_told(self):
        answer = self.meet(self.context(), talk=cut)
        self.assertEqual(answer[:2], ["receive", "COPAS_TRUNCATED"])

    def test_big_transfers_both_ways(self):
        length = 20_000_000
        total = 1
        for byte in pattern(length):
            total = (total * 31 + byte) & 0xFFFFFFFF
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            answer = self.meet(self.context(version=version), length)
            self.assertEqual(answer[:3], ["received", str(length), str(total)])

    def s_server(self, *options, name="server"):
        certificate, key = self.folder.pair(name)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate]
        process = subprocess.Popen(
            [*command, "-key", key, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        while (line := process.stdout.readline()) and "ACCEPT" not in line:
            pass
        return port

    def test_openssl_serves_both_versions(self):
        for option in ["-tls1_2", "-tls1_3"]:
            port = self.s_server(option, "-rev")
            answer = connect(port, self.folder, "drawer")
            self.assertIn(answer[1], ["7", "COPAS_TRUNCATED"], option)

    def test_openssl_with_old_versions_is_refused(self):
        port = self.s_server("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        answer = connect(port, self.folder, "hello")
        self.assertEqual(answer[:2], ["connect", "COPAS_TLS_FAILED"])

    def test_a_server_that_speaks_in_clear_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve():
                client, _ = listener.accept()
                with client:
                    client.recv(10000)
                    client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

            os_thread = threading.Thread(target=serve)
            os_thread.start()
            answer = connect(listener.getsockname()[1], self.folder, "hello")
            os_thread.join()
        self.assertEqual(answer[:2], ["connect", "COPAS_TLS_FAILED"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
