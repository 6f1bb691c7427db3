"""Recalls as a command prints them: the table of an answered split, the line of an epoch."""

from collections.abc import Mapping

from method_tng.training.validation import TOPK, Metrics

TITLES = {
    ("windows", "VR"): "which window",
    ("windows", "SVMR"): "moment in its window",
    ("windows", "VCMR"): "window and moment",
    ("films", "VR"): "which film",
    ("films", "TNG"): "moment in its film",
    ("films", "VCMR"): "film and moment",
}


def recall_table(metrics: Metrics, chance: Metrics) -> str:
    """Recalls in percent, guessing's beside them in brackets."""
    head = f"{'':34s}" + "".join(f"{f'R@{k}':>16s}" for k in TOPK)
    lines = [head]
    for (scope, task), title in TITLES.items():
        values = metrics.get(scope, {}).get(task)
        if values is not None:
            guesses = chance.get(scope, {}).get(task, {})
            lines += [_line(f"{task:4s} {title}", tail, values, guesses) for tail in _tails(values)]
    return "\n".join(lines)


def recall_line(metrics: Metrics) -> str:
    """R@1 of every task in percent, where moments count from IoU 0.5 on."""
    told = [
        f"{task} {100 * values.get('R@1', values.get('R@1,IoU=0.5', 0)):.1f}"
        for scope, task in TITLES
        if (values := metrics.get(scope, {}).get(task)) and (scope == "windows" or task == "TNG")
    ]
    return f"R@1 (moments: IoU 0.5) {', '.join(told)}"


def _tails(values: Mapping[str, float]) -> list[str]:
    """ "" for tasks without times, else one tail per IoU."""
    return [key.removeprefix("R@1") for key in values if key == "R@1" or key.startswith("R@1,")]


def _line(name: str, tail: str, values: Mapping[str, float], guesses: Mapping[str, float]) -> str:
    label = f"{name}{tail.replace(',IoU=', ', IoU ')}"
    cells = [f"{100 * values[f'R@{k}{tail}']:.1f} ({_short(guesses.get(f'R@{k}{tail}', 0))})" for k in TOPK]
    return f"{label:34s}" + "".join(f"{cell:>16s}" for cell in cells)


def _short(fraction: float) -> str:
    """A chance level in percent with two digits that count."""
    return f"{100 * fraction:.0f}" if fraction >= 0.1 else f"{100 * fraction:.2g}"
