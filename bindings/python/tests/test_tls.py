# SPDX-License-Identifier: MIT
"""Encrypted connections, with certificates that the openssl program makes."""

import pathlib
import socket
import ssl
import subprocess
import tempfile
import unittest

import copas
from loops import on_every_loop

_FOLDER = tempfile.TemporaryDirectory()
_PATH = pathlib.Path(_FOLDER.name)
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], cwd=_PATH, check=True, capture_output=True)


def setUpModule():
    # From 3.13 on Python asks for what RFC 5280 does: the key's use, and whose key has signed.
    _openssl("req", "-x509", *_KEY, "-days", 2, "-subj", "/CN=ca", "-keyout", "ca.key", "-out",
             "ca.pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name, names in [("server", "DNS:localhost"), ("client", "DNS:client")]:
        (_PATH / "extensions").write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n"
                                          "authorityKeyIdentifier=keyid\n")
        _openssl("req", *_KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "csr")
        _openssl("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-days", 2, "-extfile", "extensions", "-out", f"{name}.pem")


def tearDownModule():
    _FOLDER.cleanup()


def _file(name):
    return str(_PATH / name)


def _server(**options):
    return copas.TLSContext.server(_file("server.pem"), _file("server.key"), **options)


def _client(**options):
    return copas.TLSContext.client(cafile=_file("ca.pem"), **options)


async def _echo(connection):
    async for line in connection:
        await connection.send(line + b"\n")


async def _connect(server, context, name="localhost"):
    return await copas.connect("127.0.0.1", server.port, ssl=context, server_hostname=name)


async def _shown(server, name):
    """The certificate that the server shows, when its handshake has ended too."""
    async with await _connect(server, _client(), name) as peer:
        await peer.send(b"x\n")
        await peer.receive()
        return peer.tls.certificate


@on_every_loop
class Encrypted:
    async def test_lines_go_there_and_back(self):
        async with await copas.serve(_echo, ssl=_server()) as server:
            async with await _connect(server, _client()) as peer:
                await peer.send(b"in secret\n")
                self.assertEqual(await peer.receive(), b"in secret")
                self.assertEqual(peer.tls.version, "TLSv1.3")
                self.assertEqual(peer.tls.server_name, "localhost")
                self.assertTrue(peer.tls.certificate)

    async def test_another_name_is_refused(self):
        async with await copas.serve(_echo, ssl=_server()) as server:
            with self.assertRaisesRegex(copas.Untrusted, "not for example.org"):
                await _connect(server, _client(), "example.org")

    async def test_a_client_without_settings_refuses_an_unknown_ca(self):
        async with await copas.serve(_echo, ssl=_server()) as server:
            with self.assertRaises(copas.Untrusted):
                await _connect(server, copas.TLSContext.client())

    async def test_a_client_that_stalls_meets_no_handler(self):
        served = []
        handler = served.append
        async with await copas.serve(handler, ssl=_server(), ssl_handshake_timeout=0.05) as server:
            async with await copas.connect("127.0.0.1", server.port) as plain:
                with self.assertRaises(copas.Closed):
                    await plain.receive()
        self.assertEqual(served, [])

    async def test_clients_show_certificates(self):
        own = {"certfile": _file("client.pem"), "keyfile": _file("client.key")}
        async with await copas.serve(_echo, ssl=_server(cafile=_file("ca.pem"))) as server:
            async with await _connect(server, _client(**own)) as peer:
                await peer.send(b"me\n")
                self.assertEqual(await peer.receive(), b"me")
            async with await _connect(server, _client()) as peer:
                with self.assertRaises(copas.TLSFailed):
                    await peer.receive()

    async def test_protocols_are_agreed_on(self):
        context = _server(alpn_protocols=["h2", "http/1.1"])
        async with await copas.serve(_echo, ssl=context) as server:
            async with await _connect(server, _client(alpn_protocols=["http/1.1"])) as peer:
                self.assertEqual(peer.tls.alpn_protocol, "http/1.1")

    async def test_a_reloaded_context_shows_the_new_certificate(self):
        context = _server(resumption=False)
        async with await copas.serve(_echo, ssl=context) as server:
            before = await _shown(server, "localhost")
            with self.assertRaises(copas.Error):
                context.reload(_file("nowhere.pem"), _file("client.key"))
            self.assertEqual(await _shown(server, "localhost"), before)
            context.reload(_file("client.pem"), _file("client.key"), resumption=False)
            self.assertNotEqual(await _shown(server, "client"), before)
        self.assertEqual(context.stats, copas.TLSStats(3, 0, 0, 0))

    async def test_a_connection_is_upgraded(self):
        context = _server()

        async def handler(connection):
            await connection.receive()
            await connection.send(b"go ahead\n")
            await connection.start_tls(context)
            await _echo(connection)

        async with await copas.serve(handler) as server:
            async with await copas.connect("127.0.0.1", server.port) as peer:
                with self.assertRaises(copas.Error):
                    print(peer.tls)
                await peer.send(b"STARTTLS\n")
                await peer.receive()
                await peer.start_tls(_client(), server_hostname="localhost")
                await peer.send(b"now\n")
                self.assertEqual(await peer.receive(), b"now")

    async def test_big_transfers(self):
        data = bytes(range(256)) * 20_000

        async def handler(connection):
            await connection.send(await connection.receive(copas.ALL))

        async with await copas.serve(handler, ssl=_server()) as server:
            async with await _connect(server, _client()) as peer:
                await peer.send(data)
                peer.shut()
                self.assertEqual(await peer.receive(copas.ALL), data)


class Contexts(unittest.TestCase):
    def test_what_is_wrong_is_told(self):
        with self.assertRaisesRegex(copas.Invalid, "does not belong"):
            copas.TLSContext.server(_file("server.pem"), _file("client.key"))
        with self.assertRaises(ValueError):
            _client(minimum_version="SSLv3")

    def test_pythons_own_ssl_talks_to_it(self):
        async def main():
            async with await copas.serve(_echo, ssl=_server()) as server:
                spoken = await copas.spawn(talk(server.port))
                self.assertEqual(spoken, b"hello\n")

        async def talk(port):
            context = ssl.create_default_context(cafile=_file("ca.pem"))
            return await copas.spawn(in_steps(context, port))

        async def in_steps(context, port):
            # Non-blocking, so that the server's side of the same OS thread has its turns.
            plain = socket.create_connection(("127.0.0.1", port))
            plain.setblocking(False)
            with context.wrap_socket(plain, server_hostname="localhost",
                                     do_handshake_on_connect=False) as client:
                await attempts(client.do_handshake)
                await attempts(lambda: client.send(b"hello\n"))
                return await attempts(lambda: client.recv(100))

        async def attempts(call):
            while True:
                try:
                    return call()
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    await copas.sleep(0.001)

        copas.run(main())


if __name__ == "__main__":
    unittest.main()
