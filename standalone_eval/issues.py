"""What is wrong or odd in the input: one record per finding, collected before anything is computed.

A code that starts with E is an error and stops the evaluation; W is a counted warning.  An E code whose
severity is ``warning`` was let through on request (``compat`` or ``allow_missing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN = 20
KEPT_PER_CODE = 10_000


@dataclass(frozen=True)
class Issue:
    """One finding: its code, the place in the file, the query it concerns, what was found and is wanted."""

    code: str
    message: str
    role: str = ""  # "submission" or "gt"
    file: str = ""
    line: int | None = None  # of a jsonl file, from 1
    pointer: str = ""  # JSON pointer, inside the line for jsonl
    query: int | str | None = None
    severity: str = "error"
    order: tuple[int, ...] = field(default=(), compare=False, repr=False)  # file position, for sorting

    def __str__(self) -> str:
        place = " ".join(filter(None, [f"line {self.line}" if self.line else "", self.pointer]))
        query = "" if self.query is None else f"(query {self.query})"
        where = " ".join(filter(None, [place, query]))
        head = f"{self.code} {self.file}" if self.file else self.code
        return f"{head}: {where}: {self.message}" if where else f"{head}: {self.message}"

    def as_dict(self) -> dict[str, Any]:
        """The record that ``--issues`` writes."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "pointer": self.pointer,
            "query": self.query,
            "message": self.message,
        }


class EvalInputError(ValueError):
    """The input cannot be evaluated.  ``issues`` holds every finding, sorted by file position."""

    def __init__(self, issues: Sequence[Issue], counts: dict[str, int] | None = None) -> None:
        self.issues = list(issues)
        self.counts = dict(counts) if counts else dict(Counter(issue.code for issue in self.issues))
        super().__init__(self.text())

    def text(self) -> str:
        """The first findings, then how many there are of each code."""
        errors = [issue for issue in self.issues if issue.severity == "error"]
        lines = [str(issue) for issue in errors[:SHOWN]]
        total = sum(self.counts.get(code, 0) for code in {issue.code for issue in errors})
        if total > SHOWN:
            lines.append(", ".join(f"{code} x {count}" for code, count in sorted(self.counts.items())))
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.issues, self.counts)


class Findings:
    """Collects issues; holds at most 10,000 of one code, and the full count of each.

    Args:
        lenient: error codes that are let through as warnings (``compat``, ``allow_missing``).
        compat: whether known faults of the public evaluator are reproduced.
    """

    def __init__(self, lenient: frozenset[str] = frozenset(), compat: bool = False) -> None:
        self.lenient = lenient
        self.compat = compat
        self.issues: list[Issue] = []
        self.counts: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()

    def add(self, code: str, message: str, **place: Any) -> None:
        """Records one finding; ``place`` are fields of :class:`Issue`."""
        if code.startswith("W") or code in self.lenient:
            place["severity"] = "warning"
        self.counts[code] += 1
        self._kept[code] += 1
        if self._kept[code] <= KEPT_PER_CODE:
            self.issues.append(Issue(code, message, **place))

    def shown(self, places: Any, code: str) -> Any:
        """The first of many places with one fault, which are worth a finding each; the rest is counted."""
        if len(places) > KEPT_PER_CODE:
            self.counts[code] += len(places) - KEPT_PER_CODE
        return places[:KEPT_PER_CODE]

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(issue.severity == "error" for issue in self.issues)

    def sorted(self) -> list[Issue]:
        """All findings by file and position."""
        return sorted(self.issues, key=lambda issue: (issue.role != "gt", issue.order, issue.line or 0))

    def warnings(self) -> list[Issue]:
        """The findings that do not stop the evaluation."""
        return [issue for issue in self.sorted() if issue.severity == "warning"]

    def stop_if_failed(self) -> None:
        """Raises :class:`EvalInputError` with every finding when one of them is an error."""
        if self.failed:
            raise EvalInputError(self.sorted(), dict(self.counts))


def first_few(values: Iterable[Any], count: int = 5) -> str:
    """``1, 2, 3, 4, 5 and 7 more``: the first values as text, and how many follow."""
    values = list(values)
    text = ", ".join(str(value) for value in values[:count])
    return f"{text} and {len(values) - count} more" if len(values) > count else text
