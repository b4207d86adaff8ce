# SPDX-License-Identifier: MIT
"""docs/performance.md: the method, the machine, the command, the tables and their plots."""

import os
import pathlib

import paths
import plots
import table
import targets

HEAD = """# Performance

Written by this command; do not edit:

    {command}

[bench/README.md]({readme}) tells how to read the tables and how to add a server.

| | |
|---|---|
| machine | {machine} |
| CPU of the server, of the load | {server_core}, {load_core} |
| network | loopback |
| descriptors for each process | {descriptors:,} |
| rounds, interleaved | {rounds}; the tables tell in how many of them each server was measured |
| measured time of a run | {seconds} s |

## Method

- The load generator (`bench/load`) checks every byte that comes back; the content of each request is
  another. A server that answers a wrong byte is out of all tables.
- Each run starts the server anew, warms up, and counts for the measured time alone. CPU is the time
  of the server's process on its CPU clock (user and system, all its OS threads) for each request.
- Rate and CPU are medians over the rounds, with half the range between the quartiles. Ratios are
  medians of the ratio to the floor within each round, with the 95 % bootstrap interval over the
  rounds.
- The floor is an edge-triggered epoll loop in C that answers what one read gave with one write.
- Latencies count from the time a request was sent, in the case with a fixed rate from the time it was
  due. Lines have 16 to 47 bytes before their LF, or 1 KiB where that is said.
- Memory is resident memory; page tables are told apart where the memory of an idle connection or
  coroutine is, else they are in it. The kernel's socket buffers are not. An idle connection has had
  one reply before.
- System calls (strace) and user instructions (callgrind) are counted over N and over 2N requests; the
  difference has neither the start nor the end of the server.
- Encrypted cases are compared with OpenSSL instead of the floor. The load leaves no choice: TLS 1.3,
  TLS_AES_128_GCM_SHA256, X25519, a key on P-256; no session is resumed, no certificate verified. Its
  share of a handshake and of a record is as large as the server's: rates say less than CPU times.
- Peers are written the way their documentation advises (`bench/servers`), each on one OS thread
  where that can be asked for. Every connection has TCP_NODELAY.
"""


def picture(folder, document, name, title, drawn):
    if not drawn:
        return ""
    return f"\n![{title}]({(folder / name).relative_to(document.parent).as_posix()})\n"


def draw(document, tables):
    folder = document.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    # Encrypted cases are compared with another than the floor.
    tables = [entry for entry in tables if not entry[0].tls]
    rated = [entry for entry in tables if entry[0].name == "rate"]
    idle = [entry for entry in tables if entry[0].idle or entry[0].mode == "parked"]
    return "".join([
        picture(folder, document, "cpu.svg", "CPU time of a request, as a ratio to the floor",
                plots.ratios(folder / "cpu.svg", tables, "cpu_us")),
        picture(folder, document, "rate.svg", "Requests per second, as a ratio to the floor",
                plots.ratios(folder / "rate.svg", tables, "rate")),
        picture(folder, document, "latency.svg", "99th percentile of latency at a fixed rate",
                plots.medians(folder / "latency.svg", rated, "p99_us", "µs")),
        picture(folder, document, "memory.svg", "Memory of an idle connection or coroutine",
                plots.medians(folder / "memory.svg", idle, "idle_kib", "KiB each")),
    ])


def readme_from(document):
    return pathlib.Path(os.path.relpath(paths.BENCH / "README.md", document.parent)).as_posix()


def targets_section(verdicts):
    if not verdicts:
        return ""
    missed = targets.missed(verdicts, targets.read_reasons(paths.REASONS))
    return "".join([
        "\n## Targets\n\n",
        f"A target is reached when the 95 % bootstrap interval of at least {targets.ROUNDS} rounds "
        "includes it or beats it; what\nis counted instead of timed has one value. Figures of two "
        "servers or cases are ratios within a round.\n\n",
        targets.markdown(verdicts), "\n",
        *(["\nWhy not:\n\n"] if missed else []), *(f"- {text}\n" for text in missed)])


def tables_section(tables):
    parts = ["\n## Tables\n"]
    for case, rows in tables:
        title = case.title[0].upper() + case.title[1:]
        parts.append(f"\n### {title}\n\n{table.of_case(case, rows)}\n")
    return "".join(parts)


def write(document, facts, tables, verdicts, remarks):
    """`tables` are pairs of a case and its rows; `remarks` what the tables do not show."""
    document.parent.mkdir(parents=True, exist_ok=True)
    parts = [HEAD.format(**facts, readme=readme_from(document)), targets_section(verdicts),
             "\n## Plots\n", draw(document, tables), tables_section(tables)]
    if remarks:
        parts.append("\n## Not in the tables\n\n" + "".join(f"- {remark}\n" for remark in remarks))
    document.write_text("".join(parts))
