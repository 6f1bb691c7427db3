"""How the learning rate moves."""

import math
from collections.abc import Sequence

from method_tng.contract.settings import TrainSettings

SMALLEST = 0.01  # of the base rate: the cosine never sinks below
DROP = 0.1


def learning_rate(train: TrainSettings, step: int, num_steps: int) -> float:
    """The rate of a step; steps and their number as of `multiplier`."""
    if train.lr_schedule == "inverse_sqrt":
        return inverse_sqrt(step, train.lr, train.lr_start, train.lr_warmup_steps)
    return train.lr * multiplier(train.lr_schedule, step, num_steps, train.lr_warmup_proportion)


def inverse_sqrt(step: int, peak: float, start: float, warmup: int) -> float:
    """The rate that rises from `start` to `peak` in `warmup` steps and then falls with the root of the steps.

    Source: Vaswani et al. 2017, section 5.3, with a straight rise from a rate that is not 0.
    """
    if step < warmup:
        return start + step * (peak - start) / warmup
    return peak * math.sqrt(warmup / step)


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
