# SPDX-License-Identifier: MIT
"""What is to be reached, as a list tells it, and whether it was."""

import dataclasses

import figures
import table

# So many rounds make an interval that may be judged.
ROUNDS = 15


@dataclasses.dataclass(frozen=True)
class Target:
    name: str
    what: str
    figure: str
    # (case, server)
    pair: tuple
    # The pair that it is compared with, or None.
    base: tuple | None
    lower_is_better: bool
    limit: float

    def pairs(self):
        return [self.pair] if self.base is None else [self.pair, self.base]


def pair_of(text):
    server, case = text.split()
    return case, server


def parse(line):
    fields = [field.strip() for field in line.split("|")]
    if len(fields) != 6:
        raise ValueError(f"not six fields with | between them: {line}")
    name, what, figure, pair, base, limit = fields
    sign, number = limit.split()
    if figure not in figures.FIGURES or sign not in ("<=", ">="):
        raise ValueError(f"{name}: neither a figure nor a limit, or both: {figure}, {limit}")
    return Target(name, what, figure, pair_of(pair), None if base == "-" else pair_of(base),
                  sign == "<=", float(number))


def lines_of(path):
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def read_list(path):
    return [parse(line) for line in lines_of(path)]


def read_reasons(path):
    """{name: why that target is not reached}"""
    pairs = [line.partition("|") for line in lines_of(path)]
    return {name.strip(): why.strip() for name, _, why in pairs}


@dataclasses.dataclass(frozen=True)
class Verdict:
    target: Target
    # The figure with its interval; None when it was not measured.
    measured: object
    rounds: int

    def single(self):
        """Counted, or a median already: one value is all there is."""
        return self.target.figure in ("counted", "nanoseconds")

    def reached(self):
        """None where that is not known: too few rounds."""
        if self.measured is None or not self.single() and self.rounds < ROUNDS:
            return None
        # The end of the interval that is nearest to the target, or beyond it.
        if self.target.lower_is_better:
            best = self.measured.value if self.single() else self.measured.low
            return best <= self.target.limit
        best = self.measured.value if self.single() else self.measured.high
        return best >= self.target.limit

    def words(self):
        if self.measured is None:
            return "not measured"
        return {True: "reached", False: "**not reached**",
                None: f"open: fewer than {ROUNDS} rounds"}[self.reached()]


def judge(target, results):
    """`results` are {(case, server): {round: what was told}}."""
    values, *base = [figures.by_round(results.get(pair, {}), target.figure)
                     for pair in target.pairs()]
    if base:
        rounds = [number for number in values if base[0].get(number, 0) > 0]
        return Verdict(target, figures.ratio(values, base[0]), len(rounds))
    return Verdict(target, figures.with_interval(list(values.values())), len(values))


def limit_of(target):
    number = f"{target.limit:,.0f}" if target.limit >= 100 else f"{target.limit:.2f}"
    return f"{'≤' if target.lower_is_better else '≥'} {number}"


def of_pair(pair):
    return table.MISSING if pair is None else f"{pair[1]}, {pair[0]}"


def markdown(verdicts):
    head = ["target", "of", "compared with", "wanted", "measured", "rounds", "outcome"]
    body = [[one.target.what, of_pair(one.target.pair), of_pair(one.target.base),
             limit_of(one.target), table.with_interval(one.measured), str(one.rounds),
             one.words()] for one in verdicts]
    return table.markdown(head, body)


def missed(verdicts, reasons):
    """Why those are not reached that are not."""
    return [f"{one.target.what}: {reasons.get(one.target.name, 'the reason is not known yet')}"
            for one in verdicts if one.reached() is False]
