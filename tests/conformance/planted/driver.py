# SPDX-License-Identifier: MIT
"""A driver with defects, which the runner has to see."""

import os
import signal
import sys

sent = ""
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
    elif words and words[0] == "stays":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(number, "OK", flush=True)
        sys.stdin.read()
        signal.pause()
    if verb == "send":
        sent = words[2]
    print(number, "OK", sent if verb == "receive" else "=", flush=True)
