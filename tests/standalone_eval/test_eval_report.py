"""The report: self-contained, deterministic, safe, and complete for every profile."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from standalone_eval import compare, evaluate
from standalone_eval.details import Wanted
from standalone_eval.report import comparison_report, report
from standalone_eval.svg import ticks
from tests.standalone_eval.files import loaded, pairs
from tests.standalone_eval.test_eval_stats import measured

VOID = {"meta", "rect", "line", "circle", "polyline", "polygon", "br"}


class Balance(HTMLParser):
    """Checks that every tag is closed where it must be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def checked(page: str) -> set[str]:
    """Tags of a page that is balanced and asks for nothing from elsewhere."""
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert not re.search(r"<script|<link|https?://|@import|url\(|javascript:", page)
    assert "nan" not in re.findall(r'(?:points|width|height|x|y|cx|cy)="([^"]*)"', page)
    return parser.seen


def test_the_page_is_whole_safe_and_the_same_every_time() -> None:
    result = measured(40, 0.5)
    page = report(result, Wanted(50, 0, "movie", ("movie", "siblings")))
    assert {"svg", "figure", "details", "table"} <= checked(page)
    assert page == report(measured(40, 0.5), Wanted(50, 0, "movie", ("movie", "siblings")))
    assert "&lt;b&gt;Anna&lt;/b&gt; waves &amp; smiles" in page and "<b>Anna" not in page
    assert "他推开门" in page and "start error (s)" in page and "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("name", sorted(pairs()))
def test_every_profile_has_a_page(name: str, tmp_path: Path) -> None:
    pair = pairs()[name]
    submission, gt = loaded(pair, tmp_path)
    assert "table" in checked(report(evaluate(submission, gt, pair.profile)))


def test_two_submissions_have_a_page() -> None:
    a, b = measured(30, 0.6), measured(30, 0.3)
    page = comparison_report(a, b, compare(a, b, n=50))
    assert "Largest changes" in page and checked(page)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 100), (-4.7, 4.7), (0, 0.003), (17, 12345)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 8
    assert all(low - 1e-9 <= tick <= high + (high - low) * 1e-6 for tick in found)
