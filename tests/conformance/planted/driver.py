# SPDX-License-Identifier: MIT
"""A driver with defects, which the runner has to see."""

import os
import signal
import socket
import sys

sent = "="
sock = None
for line in sys.stdin:
    number, verb, *words = line.split()
    if number == "start":
        number, verb = verb, words.pop(0)
    if words and words[0] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    elif words and words[0] == "hangs":
        signal.pause()
    elif words and words[0] == "complains":
        print("something is wrong", file=sys.stderr)
    elif words and words[0] == "babbles":
        print("what is to be done with this", flush=True)
    elif words and words[0] == "hides":
        print(number, "waits", flush=True)
        continue
    elif words and words[0] == "stays":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(number, "OK", flush=True)
        sys.stdin.read()
        signal.pause()
    elif verb == "connect":
        _, host, port = words[2].split(":")
        sock = socket.create_connection((host, int(port)))
    elif verb == "send":
        sent = words[2]
        if sock:
            sock.sendall(bytes.fromhex(sent[1:]))
    print(number, "OK", sent if verb == "receive" else "=", flush=True)
