"""Small SVG plots as text: one axes box, lines, bands, bars and dots.  Colours come from the page's CSS."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10

WIDTH, HEIGHT = 460, 290
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 46


def number(value: float) -> str:
    """A coordinate or label without superfluous digits."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Plot:
    """An axes box with titles, ticks and grid; shapes are added in data coordinates.

    Args:
        label: what the picture shows, for screen readers.
        x: (low, high) of the horizontal axis; y likewise.
        x_title: with its unit; y_title likewise.
        log: whether the horizontal axis is logarithmic.
    """

    def __init__(
        self, label: str, x: tuple[float, float], y: tuple[float, float], x_title: str, y_title: str,
        log: bool = False,
    ) -> None:  # fmt: skip
        self.label = label
        self.x, self.y = _spread(x), _spread(y)
        self.x_title, self.y_title = x_title, y_title
        self.log = log
        self.parts: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Picture coordinates of a data point, held inside the box."""
        low, high = (log10(end) if self.log else end for end in self.x)
        share = ((log10(max(x, 1e-9)) if self.log else x) - low) / (high - low)
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        share, up = min(max(share, 0.0), 1.0), min(max(up, 0.0), 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def _points(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        pairs = (self.at(x, y) for x, y in zip(xs, ys, strict=True))
        return " ".join(f"{number(x)},{number(y)}" for x, y in pairs)

    def line(self, xs: Sequence[float], ys: Sequence[float], colour: int, dashed: bool = False) -> None:
        """A line through the points."""
        kind = "line dashed" if dashed else "line"
        self.parts.append(f'<polyline class="{kind} c{colour}" points="{self._points(xs, ys)}"/>')

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float], colour: int) -> None:
        """The area between two lines."""
        points = f"{self._points(xs, low)} {self._points(list(xs)[::-1], list(high)[::-1])}"
        self.parts.append(f'<polygon class="band f{colour}" points="{points}"/>')

    def bar(self, left: float, right: float, height: float, colour: int) -> None:
        """A vertical bar from the bottom of the box."""
        x0, y0 = self.at(left, height)
        x1, y1 = self.at(right, self.y[0])
        size = f'width="{number(max(x1 - x0 - 1, 0.5))}" height="{number(y1 - y0)}"'
        self.parts.append(f'<rect class="f{colour}" x="{number(x0 + 0.5)}" y="{number(y0)}" {size}/>')

    def dots(self, xs: Sequence[float], ys: Sequence[float], colour: int) -> None:
        """One small dot per point."""
        for x, y in zip(xs, ys, strict=True):
            at_x, at_y = self.at(x, y)
            self.parts.append(
                f'<circle class="dot f{colour}" cx="{number(at_x)}" cy="{number(at_y)}" r="2.2"/>'
            )

    def render(self, x_ticks: Sequence[float] | None = None) -> str:
        """The finished picture."""
        head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.label)}">'
        return "".join([head, self._axes(x_ticks), *self.parts, "</svg>"])

    def _axes(self, x_ticks: Sequence[float] | None) -> str:
        parts = []
        bottom = HEIGHT - BOTTOM
        for tick in x_ticks if x_ticks is not None else _log_ticks(self.x) if self.log else ticks(*self.x):
            x, _ = self.at(tick, self.y[0])
            parts.append(f'<line class="grid" x1="{number(x)}" x2="{number(x)}" y1="{TOP}" y2="{bottom}"/>')
            parts.append(
                f'<text x="{number(x)}" y="{bottom + 16}" text-anchor="middle">{number(tick)}</text>'
            )
        for tick in ticks(*self.y):
            _, y = self.at(self.x[0], tick)
            parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{number(y)}" y2="{number(y)}"/>'
            )
            parts.append(f'<text x="{LEFT - 6}" y="{number(y + 4)}" text-anchor="end">{number(tick)}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(
            f'<text class="title" x="{number(middle)}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{escape(self.x_title)}</text>"
        )
        height = (TOP + bottom) / 2
        parts.append(
            f'<text class="title" transform="translate(13 {number(height)}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y_title)}</text>'
        )
        return "".join(parts)


def _spread(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    return (low, high) if high > low else (low, low + 1.0)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers that divide the range into about ``wanted`` parts."""
    raw = (high - low) / wanted
    power = 10.0 ** _floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = _floor(low / step + 0.999999)
    found = []
    while first * step <= high + step * 1e-6:
        found.append(round(first * step, 10))
        first += 1
    return found


def _floor(value: float) -> int:
    return int(value) if value >= 0 or value == int(value) else int(value) - 1


def _log_ticks(ends: tuple[float, float]) -> list[float]:
    found = [factor * 10.0**power for power in range(-1, 7) for factor in (1, 2, 5)]
    return [tick for tick in found if ends[0] <= tick <= ends[1]]


def legend(names: Sequence[str], colours: Sequence[int] | None = None) -> str:
    """Names beside their colours."""
    chosen = range(len(names)) if colours is None else colours
    items = [
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="f{colour}" width="10" height="10"/>'
        f"</svg>{escape(name)}</li>"
        for name, colour in zip(names, chosen, strict=True)
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'
