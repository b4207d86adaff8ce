# SPDX-License-Identifier: MIT
"""An encrypted server of the library's with clients of others: openssl s_client, Python's ssl."""

import contextlib
import hashlib
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from folder import PATIENCE, EchoServer, Folder, run


def connect(port):
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.folder.make_ca("ca")
        cls.folder.make("server", "DNS:localhost,IP:127.0.0.1")
        cls.folder.make("rsa", "DNS:localhost", key=["-newkey", "rsa:2048", "-nodes"])
        cls.folder.make("client", "DNS:client")
        cls.server = cls.enterClassContext(EchoServer(cls.folder))

    def context(self, version=None):
        context = ssl.create_default_context(cafile=self.folder.certificate("ca"))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def wrap(self, context, port=None, name="localhost"):
        return context.wrap_socket(connect(port or self.server.port), server_hostname=name)

    def s_client(self, *options, port=None, text=b"to and fro\n"):
        ca = ["-CAfile", self.folder.certificate("ca"), "-verify_return_error"]
        where = ["-connect", f"127.0.0.1:{port or self.server.port}", "-servername", "localhost"]
        command = ["openssl", "s_client", *where, *ca, *options]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def talk(self, *options, port=None, text=b"to and fro\n", until=b"to and fro"):
        """What s_client prints up to the echo of its text, or up to its end."""
        with self.s_client(*options, port=port) as client:
            client.stdin.write(text)
            client.stdin.flush()
            printed = b""
            while line := client.stdout.readline():
                printed += line
                if until in line:
                    break
            client.kill()
        return printed

    def test_openssl_talks_in_both_versions(self):
        for option in ["-tls1_2", "-tls1_3"]:
            printed = self.talk("-quiet", option)
            self.assertIn(b"to and fro", printed, option)

    def test_openssl_verifies_the_certificate(self):
        printed = self.talk("-verify_hostname", "localhost")
        self.assertIn(b"Verify return code: 0 (ok)", printed)

    def test_an_rsa_key_serves_too(self):
        with EchoServer(self.folder, "rsa") as server:
            self.assertIn(b"to and fro", self.talk("-quiet", "-tls1_2", port=server.port))
            self.assertIn(b"to and fro", self.talk("-quiet", "-tls1_3", port=server.port))

    def test_old_versions_are_refused(self):
        for option in ["-tls1", "-tls1_1"]:
            printed = self.talk(option, "-cipher", "ALL:@SECLEVEL=0")
            self.assertIn(b"SSL alert number", printed, option)
            self.assertNotIn(b"to and fro", printed, option)

    def test_the_oldest_version_may_be_raised(self):
        with EchoServer(self.folder, oldest=13) as server:
            self.assertIn(b"alert protocol version", self.talk("-tls1_2", port=server.port))
            self.assertIn(b"to and fro", self.talk("-quiet", "-tls1_3", port=server.port))

    def test_a_renegotiation_does_no_harm(self):
        # s_client begins one for a line with a single R.
        with self.s_client("-tls1_2") as client:
            client.communicate(b"R\n", PATIENCE)
        self.assertIn(b"to and fro", self.talk("-quiet"))

    def test_new_keys_in_the_midst_of_a_connection(self):
        # s_client asks for them (K), and takes some itself (k).
        with self.s_client("-tls1_3") as client:
            for text in [b"one\n", b"K\n", b"two\n", b"k\n", b"three\n", b"K\n", b"four\n"]:
                client.stdin.write(text)
                client.stdin.flush()
                until = b"KEYUPDATE" if text in b"K\nk\n" else text[:-1]
                seen = b""
                while until not in seen and (line := client.stdout.readline()):
                    seen += line
                self.assertIn(until, seen)
            client.kill()

    def test_a_session_is_resumed(self):
        for option in ["-tls1_2", "-tls1_3"]:
            file = self.folder.path / f"session{option}"
            self.talk(option, "-sess_out", file, text=b"to and fro\n")
            self.assertTrue(file.exists(), option)
            self.assertIn(b"Reused, ", self.talk(option, "-sess_in", file), option)

    def test_clients_of_the_ca_are_served_and_others_are_not(self):
        certificate, key = self.folder.pair("client")
        with EchoServer(self.folder, client_ca=self.folder.certificate("ca")) as server:
            own = ["-cert", certificate, "-key", key, "-quiet"]
            self.assertIn(b"to and fro", self.talk(*own, port=server.port))
            for option in ["-tls1_2", "-tls1_3"]:
                printed = self.talk("-quiet", option, port=server.port)
                self.assertNotIn(b"to and fro", printed)
                self.assertIn(b"alert", printed)

    def test_protocols_are_agreed_on(self):
        with EchoServer(self.folder, protocols="h2,http/1.1") as server:
            context = self.context()
            context.set_alpn_protocols(["http/1.1", "h2"])
            with self.wrap(context, server.port) as client:
                self.assertEqual(client.selected_alpn_protocol(), "h2")

    def exchange(self, client, data):
        """Sends and receives by turns on one OS thread, for which alone an SSL object is; the digest."""
        client.setblocking(False)
        echoed, sent, received = hashlib.sha256(), 0, 0
        while received < len(data):
            before = sent + received
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if sent < len(data):
                    sent += client.send(data[sent:sent + 16384])
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                chunk = client.recv(65536)
                self.assertTrue(chunk)
                echoed.update(chunk)
                received += len(chunk)
            if sent + received == before:
                writers = [client] if sent < len(data) else []
                self.assertTrue(any(select.select([client], writers, [], PATIENCE)))
        client.settimeout(PATIENCE)
        return echoed.hexdigest()

    def test_big_transfers_both_ways(self):
        data = os.urandom(20_000_000)
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            server = self.enterContext(EchoServer(self.folder))
            with self.wrap(self.context(version), server.port) as client:
                echoed = self.exchange(client, data)
                client.unwrap()
            self.assertEqual(echoed, hashlib.sha256(data).hexdigest())
            self.assertEqual(server.said("ended"), "COPAS_CLOSED")

    def test_an_end_without_an_announcement_is_told(self):
        with EchoServer(self.folder) as server, self.wrap(self.context(), server.port) as client:
            client.sendall(b"cut")
            self.assertEqual(client.recv(3), b"cut")
            plain = client.detach()
            os.close(plain)
            self.assertEqual(server.said("ended"), "COPAS_TRUNCATED")

    def test_a_reset_is_told_as_an_end_without_an_announcement(self):
        with EchoServer(self.folder) as server, self.wrap(self.context(), server.port) as client:
            client.sendall(b"cut")
            self.assertEqual(client.recv(3), b"cut")
            now = struct.pack("ii", 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            os.close(client.detach())
            self.assertEqual(server.said("ended"), "COPAS_TRUNCATED")

    def test_hundreds_of_clients_at_once(self):
        context = self.context()
        failures = []

        def meet(number):
            try:
                with self.wrap(context) as client:
                    text = f"client {number}\n".encode()
                    client.sendall(text)
                    self.assertEqual(client.recv(100), text)
            except Exception as failure:  # told by the OS thread that started this one
                failures.append(failure)

        clients = [threading.Thread(target=meet, args=(number,)) for number in range(200)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
