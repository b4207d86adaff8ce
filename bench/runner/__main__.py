# SPDX-License-Identifier: MIT
"""Compares servers with the floor, a plain epoll loop, and writes what came out."""

import argparse
import fnmatch
import pathlib
import shlex
import sys
import time

import build
import cases
import machine
import measure
import micro
import outcome
import paths
import rounds
import servers
import table
import targets

# (seconds, warm-up, seconds for all, rounds)
FULL = (0.6, 0.15, 1080, 15)
QUICK = (0.2, 0.05, 140, 3)


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__ + " See bench/README.md.",
        epilog="Exit codes: 0 done, 1 broken off, 2 wrong usage.")
    parser.add_argument("--quick", action="store_true",
                        help="3 minutes instead of 20: shorter runs, fewer rounds, not the most idle "
                             "connections")
    parser.add_argument("--only", metavar="NAMES",
                        help="servers and cases by name or pattern, with commas between them "
                             "(lines-*,libuv); what they are compared with is always there")
    parser.add_argument("--rounds", type=int,
                        help="so many, however long they take, each with all servers in all cases")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="every single run too")
    parser.add_argument("--document", type=pathlib.Path, metavar="FILE",
                        help="where the report goes (docs/performance.md; with --quick or --only: "
                             "bench/out/performance.md)")
    parser.add_argument("--list", action="store_true", help="the names of servers and cases")
    parser.add_argument("--servers", type=pathlib.Path, default=paths.LIST, metavar="FILE",
                        help="another list of servers")
    arguments = parser.parse_args()
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return parser, arguments


def chosen(everything, patterns):
    """Those that a pattern names; all of them when none is named."""
    found = [one for one in everything
             if any(fnmatch.fnmatchcase(one.name, pattern) for pattern in patterns)]
    return found or everything


def choose(parser, arguments, all_servers, all_cases):
    patterns = arguments.only.split(",") if arguments.only else []
    names = [one.name for one in (*all_servers, *all_cases)]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            parser.error(f"--only: no server and no case is called {pattern}; see --list")
    wanted = chosen(all_servers, patterns)
    some = [case for case in chosen(all_cases, patterns)
            if any(case.suits(one) for one in wanted)]
    if not some:
        parser.error("--only: none of these servers is measured in one of these cases; "
                     "bench/servers/list tells what each does")
    wanted = [one for one in all_servers if any(
        case.suits(one) and (one in wanted or case.is_base(one)) for case in some)]
    if arguments.quick and not patterns:
        some = [case for case in some if case.name != "idle-most"]
    return wanted, some


def build_all(wanted, remarks):
    say("building the load generator")
    load, builder, commands = build.load(paths.OUT), build.Builder(paths.OUT), {}
    for server in wanted:
        say(f"building {server.title}")
        try:
            commands[server] = builder.command(server)
        except (build.Missing, build.Failed) as error:
            if server.group in ("floor", "ours"):
                raise
            remarks.append(f"{server.title}: left out, {str(error).strip().splitlines()[-1]}")
            say(remarks[-1])
    return load, build.identity(paths.OUT), commands


def print_tables(facts, tables, verdicts, remarks):
    print(f"{facts['machine']}; rounds: {facts['rounds']}, each run of {facts['seconds']} s")
    for case, rows in tables:
        print(f"\n{case.title}\n\n{table.of_case(case, rows)}")
    if verdicts:
        print(f"\ntargets\n\n{targets.markdown(verdicts)}")
    for remark in remarks:
        print(f"\n{remark}")


def write_document(arguments, *report):
    partial = arguments.quick or arguments.only or arguments.servers != paths.LIST
    path = arguments.document or (paths.OUT / "performance.md" if partial else paths.DOCUMENT)
    path = path.resolve()
    # Here, because matplotlib takes its time and --help must not.
    import document
    document.write(path, *report)
    say(f"written: {path}")


def facts_of(descriptors, pinned, seconds, done):
    return {"command": shlex.join(["scripts/bench", *sys.argv[1:]]), "machine": machine.describe(),
            "server_core": pinned[0], "load_core": pinned[1], "descriptors": descriptors,
            "rounds": done.done, "seconds": seconds}


def operations(remarks):
    """The time of single operations; none where they cannot be measured."""
    say("timing single operations")
    try:
        return micro.results()
    except (build.Missing, build.Failed) as error:
        remarks.append(f"Single operations were not timed: {error}")
        return {}


def measure_all(arguments, wanted, some, pinned, remarks):
    """The rounds, after everything is built; the measured seconds of a run; the targets."""
    seconds, warm_up, budget, most = QUICK if arguments.quick else FULL
    if arguments.rounds:
        budget, most = None, arguments.rounds
    load, identity, commands = build_all(wanted, remarks)
    goals = targets.read_list(paths.TARGETS)
    named = {pair for goal in goals for pair in goal.pairs()}
    tool = measure.Measure(load, pinned, ["--seconds", seconds, "--warm-up", warm_up], identity)
    say(f"{len(commands)} servers, {len(some)} cases, {most} rounds")
    done = rounds.Rounds(tool, some, commands, named, say)
    done.within(budget, most)
    told = done.results | (operations(remarks) if not arguments.only else {})
    verdicts = [targets.judge(goal, told) for goal in goals]
    # With a choice of servers and cases most are not asked for.
    return done, seconds, [one for one in verdicts if one.measured or not arguments.only]


def run(parser, arguments):
    descriptors, pinned = machine.raise_descriptor_limit(), machine.cores()
    all_servers, all_cases = servers.read_list(arguments.servers), cases.all_cases(descriptors)
    if arguments.list:
        for one in (*all_servers, *all_cases):
            print(f"{one.name:14} {one.title}")
        return
    wanted, some = choose(parser, arguments, all_servers, all_cases)
    remarks = []
    if pinned[0] == pinned[1]:
        remarks.append("Server and load shared one CPU: there is no other.")
    done, seconds, verdicts = measure_all(arguments, wanted, some, pinned, remarks)
    facts = facts_of(descriptors, pinned, seconds, done)
    tables = outcome.tables(done, [one for one in wanted if one in done.commands], some)
    remarks += outcome.remarks(done)
    print_tables(facts, tables, verdicts, remarks)
    if arguments.json:
        outcome.write_json(arguments.json, facts, done, verdicts)
    write_document(arguments, facts, tables, verdicts, remarks)


def main():
    parser, arguments = parse()
    try:
        run(parser, arguments)
    except (build.Missing, build.Failed, ValueError, OSError) as error:
        sys.exit(f"scripts/bench: {error}")
    except KeyboardInterrupt:
        sys.exit("scripts/bench: interrupted")


if __name__ == "__main__":
    main()
