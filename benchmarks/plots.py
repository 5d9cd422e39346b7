"""Draws how figures grow with the work, as SVG that is the same for the same figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.findings import Curve


@attrs.frozen(kw_only=True)
class Axes:
    """What a plot says beside its curves."""

    title: str
    x: str
    y: str
    log_y: bool = False


PLOTS = {
    "cpu": Axes(title="CPU per hour of received audio", x="bytes of audio in a piece", y="seconds", log_y=True),
    "memory": Axes(title="Peak memory of one answer", x="minutes of audio", y="MB"),
    "scale-lateness": Axes(
        title="Sessions in one process: p99 lateness", x="sessions, paced in real time", y="milliseconds", log_y=True
    ),
    "scale-cpu": Axes(title="Sessions in one process: CPU", x="sessions, paced in real time", y="share of one core"),
}


def draw(curves: Iterable[Curve], directory: Path) -> None:
    """Write `<plot>.svg` into *directory* for each plot that has curves."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "geppetto"
    from matplotlib import pyplot as plt

    curves = list(curves)
    for name, axes in PLOTS.items():
        mine = [curve for curve in curves if curve.plot == name]
        if not mine:
            continue
        figure, plot = plt.subplots(figsize=(9, 4))
        for curve in mine:
            plot.plot(*zip(*curve.points, strict=True), marker="o", label=curve.label)
        plot.set_title(axes.title)
        plot.set_xlabel(axes.x)
        plot.set_ylabel(axes.y)
        plot.set_xscale("log")
        if axes.log_y:
            plot.set_yscale("log")
        else:
            plot.set_ylim(bottom=0)
        ticks = sorted({x for curve in mine for x, _ in curve.points})
        plot.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        plot.minorticks_off()
        plot.grid(visible=True, alpha=0.3)
        plot.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
        figure.tight_layout()
        figure.savefig(directory / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
