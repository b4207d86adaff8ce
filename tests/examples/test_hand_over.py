# SPDX-License-Identifier: MIT
"""Restarts without a lost connection: one process hands its listening descriptor to the next one."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import program

CLIENTS = 4
RESTARTS = 3
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Processes whose parents have ended become this one's, which can wait for them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


@contextlib.contextmanager
def ended(process):
    """Waits for the end of a process; a test that fails does not wait for ever."""
    with process:
        try:
            yield
        except BaseException:
            process.kill()
            raise


class Load(threading.Thread):
    """A client that connects, asks once and leaves, again and again; every failure is kept."""

    def __init__(self, address, stop):
        super().__init__()
        self.address, self.stop = address, stop
        self.failures, self.answers = [], {}

    def ask(self):
        with socket.create_connection(self.address, program.PATIENCE) as peer:
            peer.sendall(b"hello\n")
            process, text = peer.makefile("rb").readline().split()
        if text != b"hello":
            raise AssertionError(f"the answer is {text}")
        self.answers[int(process)] = self.answers.get(int(process), 0) + 1

    def run(self):
        while not self.stop.is_set():
            try:
                self.ask()
            except (OSError, ValueError, AssertionError) as failure:
                self.failures.append(repr(failure))


@contextlib.contextmanager
def under_load(port):
    stop = threading.Event()
    load = [Load(("127.0.0.1", port), stop) for _ in range(CLIENTS)]
    for client in load:
        client.start()
    try:
        yield load
    finally:
        stop.set()
        for client in load:
            client.join()


def answered_by(load, process):
    return sum(client.answers.get(process, 0) for client in load)


def wait_until(holds, what):
    end = time.monotonic() + program.PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {program.PATIENCE} s")
        time.sleep(0.01)


def exit_code(process):
    """Waits for a child, or an adopted one."""
    code = None

    def has_ended():
        nonlocal code
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
        return ended != 0

    wait_until(has_ended, f"the end of process {process}")
    return code


class Server:
    """The first process, and those that come after it."""

    def __init__(self):
        self.process = subprocess.Popen([program.example("hand_over"), "0"], stdout=subprocess.PIPE,
                                        text=True)
        self.current = None
        self.port = self.next_process()[0]

    def next_process(self):
        """Waits until the next one serves: its port and its number."""
        port = int(self.process.stdout.readline().split()[1])
        self.current = int(self.process.stdout.readline().split()[1])
        return port, self.current

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.current, signal.SIGKILL)
        self.process.stdout.close()


class HandOver(unittest.TestCase):
    def test_no_connection_is_lost_or_refused_across_restarts(self):
        adopt_orphans()
        with Server() as server:
            first = server.current
            with under_load(server.port) as load:
                with program.Peer(server.port) as stays:
                    stays.send(b"early\n")
                    self.assertEqual(stays.line(), b"%d early\n" % first)
                    for _ in range(RESTARTS):
                        old = server.current
                        wait_until(lambda: answered_by(load, old) >= 50, "answers")
                        os.kill(old, signal.SIGHUP)
                        port, new = server.next_process()
                        self.assertEqual(port, server.port)
                        self.assertNotEqual(new, old)
                        wait_until(lambda: answered_by(load, new) >= 50, "answers of the new one")
                    # A connection from before all restarts is served by its own process to its end.
                    stays.send(b"late\n")
                    self.assertEqual(stays.line(), b"%d late\n" % first)
                self.assertEqual(server.process.wait(program.PATIENCE), 0)
            for client in load:
                self.assertEqual(client.failures, [])
            self.assertEqual(len({process for client in load for process in client.answers}),
                             RESTARTS + 1)
            os.kill(server.current, signal.SIGTERM)
            self.assertEqual(exit_code(server.current), 0)
            # Without a next one the same load sees that nobody is there.
            with under_load(server.port) as load:
                wait_until(lambda: all(client.failures for client in load), "failures")

    def test_when_the_new_one_does_not_serve_the_old_one_goes_on(self):
        adopt_orphans()
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "hand_over"
            shutil.copy2(program.example("hand_over"), copy)
            process = subprocess.Popen([str(copy), "0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            with process:
                port = int(process.stdout.readline().split()[1])
                # The next version is one that fails at once.
                broken = copy.with_name("next")
                broken.write_text("#!/bin/sh\nexit 1\n")
                broken.chmod(0o755)
                os.replace(broken, copy)
                process.send_signal(signal.SIGHUP)
                self.assertIn("this one goes on", process.stderr.readline())
                with program.Peer(port) as peer:
                    peer.send(b"still\n")
                    self.assertEqual(peer.line(), b"%d still\n" % process.pid)
                process.terminate()
                self.assertEqual(process.wait(program.PATIENCE), 0)


class Activation(unittest.TestCase):
    def test_a_descriptor_that_was_opened_before_is_served(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            # The descriptor is number 3 there, and the process number is that of the program.
            script = 'exec 3<&"$1"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$2" 1'
            process = subprocess.Popen(
                ["bash", "-c", script, "bash", str(listener.fileno()), program.example("hand_over")],
                pass_fds=[listener.fileno()], stdout=subprocess.PIPE, text=True)
        with ended(process):
            self.assertEqual(process.stdout.readline(), f"listening {port}\n")
            with program.Peer(port) as peer:
                peer.send(b"hello\n")
                self.assertEqual(peer.line(), b"%d hello\n" % process.pid)
            process.terminate()
            self.assertEqual(process.wait(program.PATIENCE), 0)

    def test_systemd_socket_activate_starts_it_at_the_first_connection(self):
        if shutil.which("systemd-socket-activate") is None:
            self.skipTest("systemd-socket-activate is not installed")
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/socket"
            process = subprocess.Popen(
                ["systemd-socket-activate", "-l", path, program.example("hand_over"), "0"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            with ended(process), socket.socket(socket.AF_UNIX) as peer:
                wait_until(lambda: pathlib.Path(path).exists(), "the socket")
                peer.settimeout(program.PATIENCE)
                wait_until(lambda: peer.connect_ex(path) == 0, "a connection")
                peer.sendall(b"hello\n")
                self.assertEqual(peer.makefile("rb").readline(), b"%d hello\n" % process.pid)
                process.terminate()
                peer.close()
                self.assertEqual(process.wait(program.PATIENCE), 0)


class Help(unittest.TestCase):
    def test_its_use_is_told(self):
        done = subprocess.run([program.example("hand_over"), "--help"], capture_output=True, text=True,
                              timeout=program.PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("usage: hand_over "))


if __name__ == "__main__":
    program.main()
