# SPDX-License-Identifier: MIT
"""What the rounds found: tables, remarks on what is not in them, and every single run."""

import dataclasses
import json

import figures


def tables(done, wanted, some):
    """Pairs of a case and its rows, without those that answered a wrong byte."""
    found = []
    for case in some:
        base = next((done.results.get((case.name, server.name), {})
                     for server in wanted if case.is_base(server)), {})
        rows = [figures.row(server, done.results[case.name, server.name], base)
                for server in wanted if (case.name, server.name) in done.results
                and server.name not in done.thrown_out]
        if rows:
            found.append((case, rows))
    return found


def count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def failed(case, server, why, done):
    times = f"{count(len(why), 'time')} in {count(done.done, 'round')}"
    return f"{server} failed in {case} ({times}): {why[-1]}"


def remarks(done):
    return [*(f"{name} is out of all tables, it answered a wrong byte: {why}"
              for name, why in done.thrown_out.items()),
            *(failed(case, server, why, done)
              for (case, server), why in done.failures.items() if server not in done.thrown_out)]


def write_json(path, facts, done, verdicts):
    runs = [{"case": case, "server": server, "round": number, **result}
            for (case, server), results in done.results.items()
            for number, result in results.items()]
    failures = [{"case": case, "server": server, "why": why}
                for (case, server), why in done.failures.items()]
    judged = [{"target": one.target.name, "rounds": one.rounds, "reached": one.reached(),
               **(dataclasses.asdict(one.measured) if one.measured else {})} for one in verdicts]
    whole = {**facts, "runs": runs, "targets": judged, "failures": failures,
             "wrong_bytes": done.thrown_out}
    path.write_text(json.dumps(whole, indent=1) + "\n")
