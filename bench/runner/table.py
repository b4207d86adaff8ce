# SPDX-License-Identifier: MIT
"""Tables of the figures, in Markdown that is aligned for a terminal too."""

MISSING = "–"


def number(value):
    """Three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def alone(median):
    return MISSING if median is None else number(median.value)


def with_spread(median):
    if median is None or median.spread is None:
        return alone(median)
    return f"{number(median.value)} ±{median.spread * 100:.0f} %"


def with_interval(ratio):
    if ratio is None:
        return MISSING
    if ratio.low is None:
        return number(ratio.value)
    return f"{number(ratio.value)} ({number(ratio.low)} to {number(ratio.high)})"


COLUMNS = [
    ("{unit}s/s", lambda row: with_spread(row.medians["rate"])),
    ("CPU µs", lambda row: with_spread(row.medians["cpu_us"])),
    ("rate ÷ {base}", lambda row: with_interval(row.ratios["rate"])),
    ("CPU ÷ {base}", lambda row: with_interval(row.ratios["cpu_us"])),
    ("p50 µs", lambda row: alone(row.medians["p50_us"])),
    ("p99 µs", lambda row: alone(row.medians["p99_us"])),
    ("MiB", lambda row: alone(row.medians["memory_mib"])),
]
ROUNDS = ("rounds", lambda row: str(row.rounds))
IDLE = [("KiB each", lambda row: with_spread(row.medians["idle_kib"])),
        ("page tables", lambda row: alone(row.medians["idle_tables_kib"]))]
COUNTED = [("each", lambda row: alone(row.medians["counted"])),
           ("÷ {base}", lambda row: with_interval(row.ratios["counted"]))]


def columns_of(case):
    if case.tool:
        return COUNTED
    if case.mode == "parked":
        return [*IDLE, COLUMNS[-1], ROUNDS]
    return [*COLUMNS, *IDLE, ROUNDS] if case.idle else [*COLUMNS, ROUNDS]


def markdown(head, body):
    widths = [max(map(len, column)) for column in zip(head, *body)]

    def line(cells):
        first, *others = zip(cells, widths)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(padded)} |"

    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(head), line(rule), *map(line, body)])


def of_case(case, rows):
    """The table of one case; `rows` come in the order of the list of servers."""
    columns = columns_of(case)
    head = ["server", *(title.format(unit=case.unit, base=case.base) for title, _ in columns)]
    body = [[row.server.title, *(cell(row) for _, cell in columns)] for row in rows]
    return markdown(head, body)
