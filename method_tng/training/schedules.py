"""How the learning rate moves: a factor per step."""

import math
from collections.abc import Sequence

SMALLEST = 0.01  # of the base rate: the cosine never sinks below
DROP = 0.1


def multiplier(name: str, step: int, num_steps: int, warmup: float) -> float:
    """The learning rate of a step, as a share of the base rate.

    Args:
        name: "warmup_linear": up from 0 to 1, then down to 0 at the last step, 0 behind it (BertAdam's);
            "warmup_cosine": up to 1, then half a cosine down, never under 1 %; "constant": 1.
        step: steps done before, from 0.
        num_steps: of the whole training; negative = unknown, the factor is 1 then.
        warmup: share of the steps in which the rate rises; not positive = none.

    Returns:
        A factor in [0, 1].
    """
    if name == "constant" or num_steps < 0:
        return 1.0
    done = step / num_steps
    if name == "warmup_cosine":
        if done < warmup:
            return min(1.0, (step + 1) / (warmup * num_steps))  # the first step already moves
        return max(SMALLEST, 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup)))))
    assert name == "warmup_linear", name
    return done / warmup if done < warmup else max((done - 1) / (warmup - 1), 0.0)


def after_drops(epoch: int, drops: Sequence[int]) -> float:
    """The factor of an epoch, from 0, when the rate falls to a tenth after each of `drops` epochs."""
    return DROP ** sum(epoch >= drop for drop in drops)
