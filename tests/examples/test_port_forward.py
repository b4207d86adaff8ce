# SPDX-License-Identifier: MIT
"""The port forwarder between real peers."""

import socket
import subprocess
import threading
import unittest

import program


class PortForward(unittest.TestCase):
    def test_many_connections_go_through(self):
        with program.Server("echo_server", 0) as echo, \
                program.Server("port_forward", 0, "127.0.0.1", echo.port) as forward:
            done = subprocess.run(
                [program.LOAD_CLIENT, "127.0.0.1", str(forward.port), "--connections", "100",
                 "--requests", "50", "--max-line", "20000", "--split"],
                capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def listener(self):
        listener = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(program.PATIENCE)
        forward = self.enterContext(
            program.Server("port_forward", 0, "127.0.0.1", listener.getsockname()[1]))
        client = self.enterContext(forward.connect())
        peer, _ = listener.accept()
        self.enterContext(peer)
        peer.settimeout(program.PATIENCE)
        return forward, client, peer

    def test_the_end_of_one_direction_leaves_the_other_open(self):
        _, client, peer = self.listener()
        client.send(b"question")
        client.end()
        self.assertEqual(peer.makefile("rb").read(), b"question")
        peer.sendall(b"answer" * 100000)
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(client.rest(), b"answer" * 100000)

    def test_a_reset_ends_the_other_connection_too(self):
        _, client, peer = self.listener()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 (1).to_bytes(4, "little") + bytes(4))
        client.send(b"half")
        self.assertEqual(peer.recv(4), b"half")
        client.close()
        with self.assertRaises(ConnectionResetError):
            peer.recv(1)

    def test_a_refused_target_closes_the_connection(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with program.Server("port_forward", 0, "127.0.0.1", port) as forward, \
                forward.connect() as client:
            self.assertEqual(client.rest(), b"")

    def test_big_data_in_both_directions(self):
        _, client, peer = self.listener()
        there, back = b"there" * 1000000, b"back!" * 1000000
        got = []
        threads = [threading.Thread(target=lambda: (client.send(there), client.end())),
                   threading.Thread(target=lambda: (peer.sendall(back),
                                                    peer.shutdown(socket.SHUT_WR))),
                   threading.Thread(target=lambda: got.append(client.rest()))]
        for thread in threads:
            thread.start()
        self.assertTrue(peer.makefile("rb").read() == there)
        for thread in threads:
            thread.join()
        self.assertTrue(got == [back])


if __name__ == "__main__":
    program.main()
