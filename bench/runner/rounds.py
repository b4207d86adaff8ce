# SPDX-License-Identifier: MIT
"""The runs: every case of every server in each round, so that all see the same moods of the machine."""

import random
import time

from measure import Failure, WrongByte

# A server that fails once may have met a busy machine; it is not asked a third time.
TRIES = 2


class Rounds:
    """Measures round by round and keeps what it found."""

    def __init__(self, measure, cases, commands, say):
        self.measure = measure
        self.cases = cases
        # {server: command}
        self.commands = commands
        self.say = say
        # {(case name, server name): {round: what the load told}}
        self.results = {}
        # {(case name, server name): [why, ...]}
        self.failures = {}
        # {server name: why}: a server that answered a wrong byte.
        self.thrown_out = {}
        self.done = 0

    def runs(self, server, case):
        return (case.mode in server.modes and server.name not in self.thrown_out
                and len(self.failures.get((case.name, server.name), ())) < TRIES)

    def run(self, server, case):
        key = (case.name, server.name)
        try:
            result = self.measure.run(self.commands[server], case)
            self.results.setdefault(key, {})[self.done] = result
        except WrongByte as failure:
            self.thrown_out[server.name] = f"{case.name}: {failure}"
            self.say(f"{server.name} is out: {failure}")
        except Failure as failure:
            self.failures.setdefault(key, []).append(str(failure))
            self.say(f"{server.name} failed in {case.name}: {failure}")

    def round(self, heavy):
        """One run of each; `heavy` tells whether the heavy cases are among them."""
        order = list(self.commands)
        for case in self.cases:
            if case.heavy and not heavy:
                continue
            self.say(f"round {self.done + 1}: {case.title}")
            # In another order each time: nobody is always first.
            random.Random(self.done).shuffle(order)
            for server in order:
                if self.runs(server, case):
                    self.run(server, case)
        self.done += 1

    def within(self, budget, most, heavy_rounds):
        """Rounds until the next one would end after `budget` seconds, or `most` are done."""
        start, longest = time.monotonic(), {}
        while self.done < most:
            heavy = self.done < heavy_rounds
            used = time.monotonic() - start
            expected = longest.get(heavy, max(longest.values(), default=0))
            if budget is not None and self.done > 0 and used + expected > budget:
                break
            self.round(heavy)
            took = time.monotonic() - start - used
            longest[heavy] = max(took, longest.get(heavy, 0))
            self.say(f"round {self.done} took {took:.0f} s, {time.monotonic() - start:.0f} s in all")
