# SPDX-License-Identifier: MIT
"""The runs, in rounds, so that all see the same moods of the machine.

Each round measures every pair of a case and a server that a target names. The other pairs take turns, as
many in a round as its share of the time allows, each beside the one that it is compared with."""

import collections
import random
import time

from failure import Failure, WrongByte

# A server that fails may have met a busy machine: it is asked once more at once, but then no more.
TRIES = 2
# How much longer than planned it may take: the last round is worth more than a minute.
OVERDRAFT = 1.06
# Seconds that a run takes of which nothing is known yet.
GUESS, COUNTING = 1, 4


def remaining(seconds):
    return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{max(seconds, 0):.0f} s left"


class Rounds:
    """Measures round by round and keeps what it found."""

    def __init__(self, measure, cases, commands, named, say):
        self.measure = measure
        self.cases = cases
        # {server: command}
        self.commands = commands
        self.say = say
        # {(case name, server name): {round: what the load told}}
        self.results = {}
        # {(case name, server name): [why, ...]}
        self.failures = {}
        # {(case name, server name): failures since it last succeeded}
        self.failed = {}
        # {server name: why}: a server that answered a wrong byte.
        self.thrown_out = {}
        self.done = 0
        # {(case name, server name): seconds}
        self.took = {}
        self.always, self.others = [], collections.deque()
        for case in cases:
            self.sort(case, [server for server in commands if case.suits(server)], named)

    def sort(self, case, suited, named):
        for server in suited:
            if (case.name, server.name) in named:
                self.always.append((case, server))
            elif case.is_base(server) or not case.long:
                self.others.append((case, server))

    def with_base(self, case, server):
        """The pair, and that which it is compared with."""
        bases = [(case, one) for one in self.commands if case.is_base(one) and case.suits(one)]
        return list(dict.fromkeys([(case, server), *bases]))

    def runs(self, case, server):
        key = (case.name, server.name)
        return (server.name not in self.thrown_out and self.failed.get(key, 0) < TRIES
                and not (case.tool and key in self.results))

    def run(self, case, server):
        """One run; whether it has figures."""
        key, start = (case.name, server.name), time.monotonic()
        try:
            result = self.measure.run(self.commands[server], case)
            self.results.setdefault(key, {})[self.done] = result
            self.failed[key] = 0
        except WrongByte as failure:
            self.thrown_out[server.name] = f"{case.name}: {failure}"
            self.say(f"{server.name} is out: {failure}")
        except Failure as failure:
            self.failures.setdefault(key, []).append(str(failure))
            self.failed[key] = self.failed.get(key, 0) + 1
            self.say(f"{server.name} failed in {case.name}: {failure}")
        self.took[key] = time.monotonic() - start
        return self.done in self.results.get(key, ())

    def expected(self, pairs):
        """Seconds that these runs will take."""
        return sum(self.took.get((case.name, server.name), COUNTING if case.tool else GUESS)
                   for case, server in pairs)

    def plan(self, seconds):
        """The pairs of the next round, which may take so long; all of them without a limit."""
        pairs = [pair for pair in self.always if self.runs(*pair)]
        spare = None if seconds is None else seconds - self.expected(pairs)
        for turn in range(len(self.others)):
            more = [pair for pair in self.with_base(*self.others[0])
                    if pair not in pairs and self.runs(*pair)]
            # Somebody has a turn also where time is short.
            if turn and spare is not None and self.expected(more) > spare:
                break
            spare = None if spare is None else spare - self.expected(more)
            pairs += more
            self.others.rotate(-1)
        return pairs

    def round(self, pairs, progress=lambda: ""):
        for case in self.cases:
            servers = [server for one, server in pairs if one == case]
            if servers:
                self.say(f"round {self.done + 1}{progress()}: {case.title}")
            # In another order each time: nobody is always first.
            random.Random(f"{self.done} {case.name}").shuffle(servers)
            for server in servers:
                while self.runs(case, server) and not self.run(case, server):
                    pass
        self.done += 1

    def within(self, budget, most):
        """Rounds until `most` are done, or the next would end well after `budget` seconds."""
        start = time.monotonic()

        def used():
            return time.monotonic() - start

        def progress():
            if budget is not None:
                return f" of {most}, {remaining(budget - used())}"
            each = used() / self.done if self.done else None
            return f" of {most}" + (f", {remaining(each * most - used())}" if each else "")

        while self.done < most:
            left = None if budget is None else budget - used()
            pairs = self.plan(None if left is None else left / (most - self.done))
            if budget is not None and self.done > 0 and (
                    used() + self.expected(pairs) > budget * OVERDRAFT):
                break
            self.round(pairs, progress)
