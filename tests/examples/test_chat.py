# SPDX-License-Identifier: MIT
"""The chat server with several members."""

import socket
import unittest

import program


class Chat(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(program.Server("chat_server", 0))

    def member(self, name):
        peer = self.enterContext(self.server.connect())
        self.assertEqual(peer.line(), b"your name?\n")
        peer.send(name + b"\n")
        return peer

    def test_everybody_but_the_speaker_hears(self):
        ann = self.member(b"ann")
        bob = self.member(b"bob")
        self.assertEqual(ann.line(), b"* bob has joined\n")
        cem = self.member(b"cem")
        for peer in (ann, bob):
            self.assertEqual(peer.line(), b"* cem has joined\n")
        ann.send(b"hello\x07\r\n")
        self.assertEqual(bob.line(), b"ann: hello?\n")
        bob.send(b"hi ann\n")
        self.assertEqual(ann.line(), b"bob: hi ann\n")
        self.assertEqual(cem.line(), b"ann: hello?\n")
        self.assertEqual(cem.line(), b"bob: hi ann\n")

    def test_leaving_is_announced_and_frees_the_name(self):
        ann = self.member(b"ann")
        bob = self.member(b"bob")
        self.assertEqual(ann.line(), b"* bob has joined\n")
        bob.close()
        self.assertEqual(ann.line(), b"* bob has left\n")
        self.member(b"bob")
        self.assertEqual(ann.line(), b"* bob has joined\n")

    def test_names_are_checked(self):
        ann = self.member(b"ann")
        other = self.member(b"ann")
        self.assertEqual(other.line(), b"! this name is taken\n")
        for wrong, why in ((b"", b"has 1 to 20"), (b"x" * 21, b"has 1 to 20"), (b"a b", b"digits")):
            other.send(wrong + b"\n")
            self.assertIn(why, other.line())
        other.send(b"ben\n")
        self.assertEqual(ann.line(), b"* ben has joined\n")

    def test_a_member_that_does_not_read_holds_up_nobody(self):
        ann = self.member(b"ann")
        slow = self.member(b"slow")
        self.assertEqual(ann.line(), b"* slow has joined\n")
        bob = self.member(b"bob")
        self.assertEqual(ann.line(), b"* bob has joined\n")
        line = b"x" * 1000
        heard = 0
        while True:
            ann.send(line + b"\n")
            text = bob.line()
            if text == b"* slow has left\n":
                break
            self.assertEqual(text, b"ann: " + line + b"\n")
            heard += 1
            self.assertLess(heard, 50000)
        self.assertEqual(ann.line(), b"* slow has left\n")
        slow.close()

    def test_the_server_ends_cleanly_with_members_inside(self):
        ann = self.member(b"ann")
        ann.send(b"alone\n")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(ann.rest(), b"")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.server.port))


if __name__ == "__main__":
    program.main()
