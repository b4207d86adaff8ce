# SPDX-License-Identifier: MIT
"""HAProxy in front of two servers: one is taken away under load, and no request fails."""

import contextlib
import http.client
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

CONFIGURATION = pathlib.Path(__file__).parents[2] / "c_examples" / "haproxy.cfg"
HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
# Requests of each client that each phase waits for.
ENOUGH = 25


class Client(threading.Thread):
    """Asks who answers, again and again, on one connection or on a new one for each request."""

    def __init__(self, port, stays, stop):
        super().__init__()
        self.port, self.stays, self.stop = port, stays, stop
        self.failures, self.answers = [], []

    def ask(self, connection):
        connection.request("GET", "/who")
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200 or text not in ("a", "b"):
            raise AssertionError(f"{answer.status} {text[:80]}")
        self.answers.append(text)

    def run(self):
        connection = None
        while not self.stop.is_set():
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=program.PATIENCE)
            try:
                self.ask(connection)
            except (OSError, http.client.HTTPException, AssertionError) as failure:
                self.failures.append(repr(failure))
                connection.close()
                connection = None
            if not self.stays and connection is not None:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


def without_retries(folder):
    """The configuration without what tries a request again that may have been seen."""
    lines = CONFIGURATION.read_text().splitlines(keepends=True)
    copy = pathlib.Path(folder, "haproxy.cfg")
    copy.write_text("".join(line for line in lines if "retry-on" not in line and "l7-retry" not in line))
    return copy


@contextlib.contextmanager
def haproxy(first, second, configuration=CONFIGURATION):
    """HAProxy on a listening socket that this test has opened; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as front:
        port = front.getsockname()[1]
        environment = {**os.environ, "FRONT": f"fd@{front.fileno()}",
                       "SERVER_A": f"127.0.0.1:{first}", "SERVER_B": f"127.0.0.1:{second}"}
        process = subprocess.Popen([HAPROXY, "-db", "-q", "-f", str(configuration)], env=environment,
                                   pass_fds=[front.fileno()], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def folder(name):
    with tempfile.TemporaryDirectory() as path:
        pathlib.Path(path, "who").write_text(name)
        pathlib.Path(path, "health").write_text("ok")
        yield path


def wait_for_answers(clients, enough):
    """Waits until each of the clients has enough; a failure ends the wait."""
    end = time.monotonic() + program.PATIENCE
    while not all(map(enough, clients)):
        failures = [failure for client in clients for failure in client.failures]
        if failures or time.monotonic() > end:
            raise AssertionError(f"not enough answers within {program.PATIENCE} s: {failures[:3]}")
        time.sleep(0.01)


@unittest.skipIf(HAPROXY is None, "HAProxy is not installed")
class Drain(unittest.TestCase):
    @contextlib.contextmanager
    def clients(self, configuration=CONFIGURATION):
        """Clients that both servers have answered, and the first server."""
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(
                program.Server("http_server", 0, stack.enter_context(folder("a"))))
            second = stack.enter_context(
                program.Server("http_server", 0, stack.enter_context(folder("b"))))
            port = stack.enter_context(haproxy(first.port, second.port, configuration))
            stop = threading.Event()
            clients = [Client(port, stays, stop) for stays in (True, True, False, False)]
            for client in clients:
                client.start()
            try:
                wait_for_answers(clients, lambda client: client.answers.count("a") >= ENOUGH)
                yield clients, first
            finally:
                stop.set()
                for client in clients:
                    client.join()

    def test_a_server_is_taken_away_under_load_without_a_failed_request(self):
        with self.clients() as (clients, first):
            self.assertEqual(first.stop(), 0)
            self.check_the_other_one_goes_on(clients)

    def test_the_same_clients_see_a_server_that_dies_without_a_farewell(self):
        with tempfile.TemporaryDirectory() as path:
            configuration = without_retries(path)
            for _ in range(10):
                with self.clients(configuration) as (clients, first):
                    first.process.kill()
                    self.assertEqual(first.process.wait(program.PATIENCE), -signal.SIGKILL)
                    with contextlib.suppress(AssertionError):
                        self.check_the_other_one_goes_on(clients)
                if any(client.failures for client in clients):
                    return
        self.fail("no client has seen any of the deaths")

    def check_the_other_one_goes_on(self, clients):
        before = {client: len(client.answers) for client in clients}
        wait_for_answers(clients, lambda client: len(client.answers) >= before[client] + ENOUGH)
        for client in clients:
            self.assertEqual(client.failures, [])
            self.assertNotIn("a", client.answers[before[client] + 1:])


@unittest.skipIf(HAPROXY is None, "HAProxy is not installed")
class Configuration(unittest.TestCase):
    def test_haproxy_finds_nothing_to_complain_about(self):
        environment = {**os.environ, "FRONT": "127.0.0.1:1", "SERVER_A": "127.0.0.1:2",
                       "SERVER_B": "127.0.0.1:3"}
        done = subprocess.run([HAPROXY, "-c", "-f", str(CONFIGURATION)], env=environment, text=True,
                              capture_output=True, timeout=program.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("WARNING", done.stderr)


if __name__ == "__main__":
    program.main()
