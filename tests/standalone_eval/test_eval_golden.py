"""The golden cases: the digits of the unmodified public evaluators, and the malformed files."""

from collections.abc import Callable

import pytest

from tests.conformance.evaluation import cases
from tests.standalone_eval.files import GOLDEN

CASES = dict(cases(GOLDEN))


@pytest.mark.parametrize("check", CASES.values(), ids=CASES.keys())
def test_the_case_is_equal(check: Callable[[], None]) -> None:
    check()
