"""The sub-commands compare, bounds, convert and retrieval."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict

from .bounds import first_rows, grid_bound, oracles, own_shots, shot_bound
from .command_inputs import as_json, evaluated, settings_from, tell, tell_warnings
from .comparison import Comparison
from .comparison import compare as compare_results
from .errors import moment_tasks
from .evaluator import evaluate_with
from .files import write_text
from .format_npz import write_npz
from .formats import read_gt, read_submission, write_json
from .issues import Findings
from .profiles import settings_of
from .tables import KINDS, metrics_table, render

SIGNIFICANT = 0.05
SHOT = 20.0  # seconds


def compare(args: argparse.Namespace) -> int:
    """Prints and writes the comparison of two submissions."""
    settings = settings_from(args)
    first, second = evaluated(args, settings), evaluated(args, settings, args.other_path)
    found = compare_results(first, second, seed=args.seed, n=args.bootstrap)
    text = json.dumps(_comparison_json(found), indent=1)
    print(text if args.json else comparison_table(found, "text"))
    tell(f"profile {first.profile}, {len(first.query)} queries; * Holm-corrected p below {SIGNIFICANT}")
    if args.save_path:
        write_text(args.save_path, text)
    if args.table:
        if args.table[0] not in KINDS:
            raise ValueError(f"unknown kind of table {args.table[0]!r}; known: {', '.join(KINDS)}")
        write_text(args.table[1], comparison_table(found, args.table[0]) + "\n")
    if args.report:
        from .report import comparison_report

        write_text(args.report, comparison_report(first, second, found))
    return 0


def comparison_table(found: Comparison, kind: str) -> str:
    """Both values, the difference with its interval, p, won and lost; significant ones are starred."""
    head = ["metric", "A", "B", "A - B", "95% interval", "p (Holm)", "won", "lost"]
    rows = []
    for name, one in found.metrics.items():
        star = "*" if one.p_holm < SIGNIFICANT else ""
        rows.append(
            [name, f"{100 * one.a:.2f}", f"{100 * one.b:.2f}", f"{100 * one.difference:+.2f}{star}",
             f"{100 * one.low:+.2f} to {100 * one.high:+.2f}", f"{one.p_holm:.3g}", str(len(one.won)),
             str(len(one.lost))]
        )  # fmt: skip
    return render(head, rows, kind)


def _comparison_json(found: Comparison) -> dict[str, object]:
    return {"schema": "moment-compare-1", **asdict(found)}


def bounds(args: argparse.Namespace) -> int:
    """Prints what is reachable: the grid and shot bounds of a gt, and a submission's oracles."""
    settings = settings_from(args)
    findings = Findings(settings.lenient, settings.compat)
    gt = read_gt(args.gt_path, settings, findings)
    findings.stop_if_failed()
    if gt.relevance is not None or not (args.clip > 0 and args.max_clips > 0):
        raise ValueError("bounds need one or more windows per query, a clip above 0 and at least one clip")
    shot = args.shot or SHOT
    found: dict[str, dict[str, float]] = {
        f"grid of {args.clip:g} s, at most {args.max_clips} clips": grid_bound(
            gt, args.clip, args.max_clips, settings.iou
        ),
        f"own shot of {shot:g} s + {args.expand:g} s": shot_bound(
            gt, own_shots(gt, shot), args.expand, settings.iou
        ),
    }
    if args.submission_path:
        submission = read_submission(args.submission_path, settings, findings)
        findings.stop_if_failed()
        result = evaluate_with(submission, gt, settings, findings)
        for task in moment_tasks(result):
            columns = oracles(result, task)
            tell_oracles(task, columns)
            found.update({f"{task} {name}": values for name, values in columns.items()})
            first = first_rows(result, task)
            found[f"{task} first row + {args.expand:g} s"] = shot_bound(gt, first, args.expand, settings.iou)
    for name, values in found.items():
        if name.endswith(("oracle", "reached")):
            continue
        print(
            f"{name}\n{render(['', 'percent'], [[k, f'{100 * v:.2f}'] for k, v in values.items()], 'text')}\n"
        )
    if args.save_path:
        write_text(args.save_path, json.dumps(found, indent=1))
    return 0


def tell_oracles(task: str, columns: dict[str, dict[str, float]]) -> None:
    """Prints the oracles of a task side by side."""
    keys = next(iter(columns.values()))
    rows = [[key, *(f"{100 * values[key]:.2f}" for values in columns.values())] for key in keys]
    print(render([task, *columns], rows, "text") + "\n")


def convert(args: argparse.Namespace) -> int:
    """Writes a submission in the other form; the ending of the output's name decides."""
    args.gt_path = None
    settings = settings_from(args)
    findings = Findings(settings.lenient, settings.compat)
    submission = read_submission(args.submission_path, settings, findings)
    findings.stop_if_failed()
    if args.save_path.endswith(".npz"):
        write_npz(args.save_path, submission)
    elif args.save_path.endswith((".json", ".jsonl")):
        write_json(args.save_path, submission)
    else:
        raise ValueError(f"{args.save_path}: the name must end in .npz, .json or .jsonl")
    tell(f"wrote {args.save_path}")
    return 0


def retrieval(args: argparse.Namespace) -> int:
    """Scores a similarity matrix in both directions."""
    settings = settings_of("retrieval", topk=args.topk, compat=args.compat, ties=args.ties)
    findings = Findings()
    sims = read_submission(args.submission_path, settings, findings)
    findings.stop_if_failed()
    result = evaluate_with(sims, None, settings, findings)
    print(as_json(result) if args.json else metrics_table(result, "text"))
    tied = sum(int(values["tied"]) for values in result.metrics.values())
    if tied and math.isfinite(tied):
        order = "index" if args.compat else settings.options["ties"]
        tell(f"{tied} targets tie with another item; order of ties: {order}")
    tell_warnings(result)
    if args.save_path:
        write_text(args.save_path, as_json(result))
    return 0
