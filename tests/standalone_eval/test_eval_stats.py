"""Intervals and tests: the properties P30 and P31, and numbers worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standalone_eval import EvalInputError, bootstrap, compare, evaluate
from standalone_eval.evaluator import Result
from standalone_eval.format_tvr import read_gt, read_parsed
from standalone_eval.issues import Findings
from standalone_eval.sources import Source
from standalone_eval.stats import holm, mcnemar, sign_flip, wilson
from tests.standalone_eval.generated import tvr_files


def measured(queries: int, skill: float, order: int = 1, seed: int = 0) -> Result:
    submission, gt = tvr_files(queries=queries, rows=20, skill=skill, seed=seed)
    findings = Findings()
    truth = read_gt(Source("gt", "gt", b"", findings, parsed=gt[::order]), True)
    return evaluate(read_parsed(submission, Source("s", "submission", b"", findings)), truth, topk=(1, 5))


METRIC = "VCMR/R@1,IoU=0.5"


@pytest.mark.parametrize("cluster", [None, "movie"])
def test_the_interval_holds_the_estimate_and_repeats(cluster: str | None) -> None:
    result = measured(80, 0.5)
    for name in result.samples:
        low, high = bootstrap(result, name, n=300, seed=3, cluster=cluster)
        assert low <= result.fractions[name] <= high
    assert bootstrap(result, METRIC, n=300, seed=3) == bootstrap(
        measured(80, 0.5, order=-1), METRIC, n=300, seed=3
    )
    assert bootstrap(result, METRIC, n=300, seed=4) != bootstrap(result, METRIC, n=300, seed=3)


def test_the_interval_shrinks_with_more_queries() -> None:
    widths = []
    for queries in (30, 480):
        low, high = bootstrap(measured(queries, 0.5), METRIC, n=400)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(ValueError, match="no metric 'nope'"):
        bootstrap(measured(10, 0.5), "nope")


def test_a_cluster_that_the_ground_truth_lacks_is_named() -> None:
    result = measured(10, 0.5)
    result.gt.movie[:] = ""
    with pytest.raises(ValueError, match="movie"):
        bootstrap(result, METRIC, cluster="movie")


def test_comparing_the_other_way_round_mirrors_everything() -> None:
    a, b = measured(80, 0.6), measured(80, 0.4)
    forth, back = compare(a, b, n=300), compare(b, a, n=300)
    for name, one in forth.metrics.items():
        other = back.metrics[name]
        assert one.difference == pytest.approx(-other.difference)
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
        assert one.p == pytest.approx(other.p) and one.p_holm == pytest.approx(other.p_holm)
        assert (one.won, one.lost, one.both) == (other.lost, other.won, other.both)
        assert one.low <= one.difference <= one.high and one.p <= one.p_holm <= 1


def test_a_submission_does_not_differ_from_itself() -> None:
    result = measured(40, 0.5)
    found = compare(result, result, n=100)
    assert all(one.difference == 0 and one.p == 1 and not one.won for one in found.metrics.values())
    assert found.changes == []


def test_other_queries_cannot_be_compared() -> None:
    with pytest.raises(EvalInputError) as caught:
        compare(measured(10, 0.5), measured(12, 0.5))
    assert [issue.code for issue in caught.value.issues] == ["E020"]


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_a_symmetric_probability(b: int, c: int) -> None:
    p = mcnemar(b, c)
    assert 0 < p <= 1 and p == mcnemar(c, b)


def test_mcnemar_does_not_overflow() -> None:
    assert mcnemar(50_000, 50_001) == pytest.approx(1, abs=1e-2)
    assert 0 < mcnemar(0, 100_000) < 1e-300


def test_values_worked_by_hand() -> None:
    assert mcnemar(0, 3) == pytest.approx(0.25)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert wilson(0, 10)[0] == 0 and wilson(10, 10)[1] == pytest.approx(1)
    assert wilson(5, 10) == pytest.approx((0.2365931, 0.7634069))
    assert sign_flip(np.zeros(4)) == 1
    assert sign_flip(np.ones(20)) == pytest.approx(1e-4, rel=1.1)
