"""Metrics as compact tables: plain text, Markdown, LaTeX and CSV, percent with two decimals."""

from __future__ import annotations

import csv
import io
from typing import Any

from .evaluator import Result
from .files import write_text

MOST_COLUMNS = 10
KINDS = ("md", "latex", "csv")
PERCENT_PROFILES = (
    "tvr",
    "reloclnet",
    "qvhighlights",
    "mesm",
    "mad",
    "mad-vlgnet",
    "ego4d",
    "retrieval",
    "window",
)
NOT_SHARES = ("MedR", "MeanR")


def metrics_table(result: Result, kind: str) -> str:
    """All metrics of a result: one row per group and a column per key, turned round when keys are many."""
    groups = _groups(result)
    blocks = []
    for columns in dict.fromkeys(tuple(values) for _, values in groups):
        same = [(name, values) for name, values in groups if tuple(values) == columns]
        head = [result.profile, *columns]
        rows = [[name, *values.values()] for name, values in same]
        if len(columns) > MOST_COLUMNS:
            head, *rows = [list(row) for row in zip(head, *rows, strict=True)]
        blocks.append(render(head, rows, kind))
    return "\n\n".join(blocks)


def _groups(result: Result) -> list[tuple[str, dict[str, str]]]:
    flat: list[tuple[str, dict[str, str]]] = []

    def walk(name: str, value: dict[str, Any]) -> None:
        own = {
            key: shown(item, key, result) for key, item in value.items() if not isinstance(item, dict | str)
        }
        if own:
            flat.append((_group_name(name, result), own))
        for key, item in value.items():
            if isinstance(item, dict):
                walk(f"{name} {key}".strip(), item)

    walk("", result.metrics)
    return flat


def _group_name(name: str, result: Result) -> str:
    """SVMR of lists that hold the query's own film only is the task TNG."""
    own_film = getattr(result.submission, "scope", None) == "own_film"
    return "TNG" if own_film and name == "SVMR" else name or "all"


def shown(value: Any, key: str, result: Result) -> str:
    """A metric as text: percent with two decimals, ranks as they are, '-' when undefined."""
    if value is None or value != value:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if key.startswith(NOT_SHARES):
        return f"{value:.1f}"
    return f"{value if result.profile in PERCENT_PROFILES else 100 * value:.2f}"


def render(head: list[str], rows: list[list[str]], kind: str) -> str:
    """A table as text, md, latex or csv.

    Raises:
        ValueError: another kind.
    """
    if kind == "csv":
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([head, *rows])
        return buffer.getvalue().rstrip("\n")
    if kind == "latex":
        return _latex(head, rows)
    widths = [max(len(str(row[at])) for row in [head, *rows]) for at in range(len(head))]
    if kind == "md":
        rule = "|" + "|".join("---" if at == 0 else "---:" for at in range(len(head))) + "|"
        lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, *rows]]
        return "\n".join([lines[0], rule, *lines[1:]])
    if kind == "text":
        return "\n".join(_aligned(row, widths) for row in [head, *rows])
    raise ValueError(f"unknown kind of table {kind!r}; known: {', '.join(KINDS)}")


def _aligned(row: list[str], widths: list[int]) -> str:
    cells = [
        str(cell).ljust(width) if at == 0 else str(cell).rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _latex(head: list[str], rows: list[list[str]]) -> str:
    body = [" & ".join(_escaped(str(cell)) for cell in row) + r" \\" for row in [head, *rows]]
    return "\n".join(
        [r"\begin{tabular}{l" + "r" * (len(head) - 1) + "}", r"\toprule", body[0], r"\midrule", *body[1:],
         r"\bottomrule", r"\end{tabular}"]
    )  # fmt: skip


def _escaped(text: str) -> str:
    for character in "&%$#_{}":
        text = text.replace(character, f"\\{character}")
    return text.replace("≥", r"$\geq$").replace("<", r"$<$")


def write_table(kind: str, path: str, result: Result) -> None:
    """Writes the metrics as a paper-ready table."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of table {kind!r}; known: {', '.join(KINDS)}")
    write_text(path, metrics_table(result, kind) + "\n")


def interval_table(result: Result, resamples: int, seed: int, cluster: str) -> str:
    """Every metric with its bootstrap interval, in percent."""
    from .stats import intervals

    found = intervals(result, resamples, seed, cluster)
    rows = [
        [key, f"{100 * value:.2f}", f"{100 * low:.2f}", f"{100 * high:.2f}"]
        for key, (value, low, high) in found.items()
    ]
    return render(["metric", "value", "low", "high"], rows, "text")


def breakdown_table(result: Result, name: str) -> str:
    """Every metric in percent, one column per group of a breakdown; groups below 20 queries are marked."""
    from .breakdown import breakdown

    groups = breakdown(result, name)
    head = [name, *(f"{label} °" if group["small"] else label for label, group in groups.items())]
    rows = [["queries", *(str(group["n"]) for group in groups.values())]]
    for key in result.samples:
        values = [group["metrics"][key] for group in groups.values()]
        rows.append([key, *("-" if value is None else f"{100 * value:.2f}" for value in values)])
    return render(head, rows, "text")
