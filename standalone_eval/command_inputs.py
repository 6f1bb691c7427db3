"""From options to results, shared by the sub-commands; progress and warnings go to standard error."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from .evaluator import Result, evaluate_with
from .files import write_text
from .formats import detect_profile, read_gt, read_submission
from .issues import EvalInputError, Findings
from .profiles import PROFILES, TWO_FILES, Settings, settings_of


def settings_from(args: argparse.Namespace, profile: str | None = None) -> Settings:
    """Settings from the options; ``--profile auto`` is detected from the files."""
    name = profile or args.profile
    if name == "auto":
        name = detect_profile(args.submission_path, args.gt_path)
        tell(f"profile {name} (detected)")
    names = sorted({option for chosen in PROFILES.values() for option in chosen.options})
    special = {option: getattr(args, option, None) for option in names}
    return settings_of(
        name, tasks=args.tasks, iou=args.iou, topk=args.topk, max_pred=args.max_pred, compat=args.compat,
        allow_missing=args.allow_missing, **special,
    )  # fmt: skip


def evaluated(args: argparse.Namespace, settings: Settings, path: str | None = None) -> Result:
    """The result for a submission; all findings of both files are collected before anything stops."""
    findings = Findings(settings.lenient, settings.compat)
    try:
        submission = read_submission(path or args.submission_path, settings, findings)
        gt = None
        if settings.profile.name in TWO_FILES:
            if args.gt_path is None:
                raise ValueError(f"profile {settings.profile.name} needs --gt_path")
            gt = read_gt(args.gt_path, settings, findings)
            if submission is None or gt is None:
                findings.stop_if_failed()
        result = evaluate_with(submission, gt, settings, findings)
    except EvalInputError as error:
        _write_issues(args, error.issues)
        raise
    _write_issues(args, result.warnings)
    return result


def _write_issues(args: argparse.Namespace, issues: list[Any]) -> None:
    if getattr(args, "issues", None):
        write_text(args.issues, json.dumps([issue.as_dict() for issue in issues], indent=1))


def as_json(result: Result) -> str:
    """The metrics as the public evaluators write them: indent 4, no final newline."""
    return json.dumps(result.metrics, indent=4)


def tell(text: str) -> None:
    """Prints to standard error, where progress belongs."""
    sys.stderr.write(f"{text}\n")


def tell_warnings(result: Result) -> None:
    """Prints every warning to standard error."""
    for issue in result.warnings[:50]:
        tell(f"warning: {issue}")
    if len(result.warnings) > 50:
        tell(f"warning: and {len(result.warnings) - 50} more; see --issues")
