# SPDX-License-Identifier: MIT
"""Medians, their spread, and ratios to the floor with their intervals."""

import dataclasses
import random
import statistics

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Median:
    value: float
    # Half of the range between the quartiles, as a part of the median; None for a single value.
    spread: float | None


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Or any other figure whose interval is asked for."""

    value: float
    # The ends of the 95 % bootstrap interval; None for a single value.
    low: float | None
    high: float | None


def median(values):
    """None where there are no values."""
    if not values:
        return None
    middle = statistics.median(values)
    if len(values) < 2 or middle == 0:
        return Median(middle, None)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Median(middle, (high - low) / 2 / middle)


def interval(values):
    """The 95 % bootstrap interval of the median; the same for the same values."""
    chance = random.Random(len(values))
    medians = sorted(statistics.median(chance.choices(values, k=len(values)))
                     for _ in range(RESAMPLES))
    return medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000 - 1]


def with_interval(values):
    """The median of a list, None when it is empty."""
    if not values:
        return None
    ends = interval(values) if len(values) > 1 else (None, None)
    return Ratio(statistics.median(values), *ends)


def ratio(values, floor):
    """The median of the ratios within each round; both are {round: value}."""
    return with_interval([values[number] / floor[number] for number in values
                          if floor.get(number, 0) > 0])


def rate(result):
    return result["requests"] / result["seconds"] if "requests" in result else None


def cpu_us(result):
    return result["cpu_seconds"] * 1e6 / result["requests"] if "requests" in result else None


def memory_mib(result):
    return result["memory_kib"] / 1024 if "memory_kib" in result else None


FIGURES = {
    "rate": rate,
    "cpu_us": cpu_us,
    "p50_us": lambda result: result.get("p50_us"),
    "p99_us": lambda result: result.get("p99_us"),
    "memory_mib": memory_mib,
    "idle_kib": lambda result: result.get("idle_kib"),
    "idle_tables_kib": lambda result: result.get("idle_tables_kib"),
    "counted": lambda result: result.get("counted"),
    "nanoseconds": lambda result: result.get("nanoseconds"),
}


def by_round(results, figure):
    values = {number: FIGURES[figure](result) for number, result in results.items()}
    return {number: value for number, value in values.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class Row:
    """One server in one case."""

    server: object
    rounds: int
    medians: dict
    ratios: dict


def row(server, results, floor):
    """`results` and `floor` are {round: what the load told}."""
    medians = {name: median(list(by_round(results, name).values())) for name in FIGURES}
    ratios = {name: ratio(by_round(results, name), by_round(floor, name))
              for name in ("rate", "cpu_us", "counted")}
    return Row(server, len(results), medians, ratios)
