# SPDX-License-Identifier: MIT
"""Plots of the figures, as SVG."""

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

COLOURS = {"floor": "#555555", "ours": "#c0392b", "peer": "#2471a3", "binding": "#7d8a2e"}
# The same figures give the same file.
matplotlib.rcParams.update({"svg.hashsalt": "copas", "svg.fonttype": "none", "font.size": 9,
                            "axes.spines.top": False, "axes.spines.right": False})


def save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def bars(axes, rows, values, errors=None):
    places = range(len(rows))
    axes.barh(places, values, xerr=errors, capsize=2, height=0.7,
              color=[COLOURS[row.server.group] for row in rows])
    axes.set_yticks(places, [row.server.title for row in rows])
    axes.invert_yaxis()


def ratios(path, tables, figure):
    """A panel of each case: the ratio to the floor, with its interval."""
    tables = [(case, [row for row in rows if row.ratios[figure]]) for case, rows in tables]
    tables = [(case, rows) for case, rows in tables if rows]
    if not tables:
        return False
    across = 2 if len(tables) > 1 else 1
    down = -(-len(tables) // across)
    picture, panels = pyplot.subplots(down, across, figsize=(11, 3.2 * down), squeeze=False)
    for axes, (case, rows) in zip(panels.flat, tables):
        found = [row.ratios[figure] for row in rows]
        # A single round has no interval.
        errors = None
        if all(ratio.low is not None for ratio in found):
            errors = [[ratio.value - ratio.low for ratio in found],
                      [ratio.high - ratio.value for ratio in found]]
        bars(axes, rows, [ratio.value for ratio in found], errors)
        axes.axvline(1, color=COLOURS["floor"], linewidth=0.8)
        axes.set_title(case.title, loc="left")
    for axes in list(panels.flat)[len(tables):]:
        axes.set_visible(False)
    picture.tight_layout()
    save(picture, path)
    return True


def medians(path, tables, figure, unit):
    """A panel of each case: the median of one figure."""
    tables = [(case, [row for row in rows if row.medians[figure]]) for case, rows in tables]
    tables = [(case, rows) for case, rows in tables if rows]
    if not tables:
        return False
    picture, panels = pyplot.subplots(len(tables), 1, figsize=(8, 3 * len(tables)), squeeze=False)
    for axes, (case, rows) in zip(panels.flat, tables):
        bars(axes, rows, [row.medians[figure].value for row in rows])
        axes.set_title(case.title, loc="left")
        axes.set_xlabel(unit)
    picture.tight_layout()
    save(picture, path)
    return True
