"""What the sub-commands do: read, evaluate, print, write.  Nothing is written when the input has errors."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from .command_inputs import as_json, evaluated, settings_from, tell, tell_warnings
from .evaluator import Result
from .files import json_text, write_text
from .tables import breakdown_table, interval_table, metrics_table, write_table


def run(args: argparse.Namespace) -> int:
    """Runs the chosen sub-command and returns the exit status."""
    if args.command in ("compare", "bounds", "convert", "retrieval"):
        from . import more_commands

        return getattr(more_commands, args.command)(args)
    return validate(args) if args.command == "validate" else evaluate(args)


def validate(args: argparse.Namespace) -> int:
    """Checks both files; warnings are printed, errors end with status 2."""
    result = evaluated(args, settings_from(args))
    tell_warnings(result)
    print(f"valid: {len(result.query)} queries, profile {result.profile}")
    return 0


def evaluate(args: argparse.Namespace) -> int:
    """Scores a submission and writes what was asked for."""
    settings = settings_from(args)
    result = evaluated(args, settings)
    tell_warnings(result)
    if not args.not_verbose:
        print(as_json(result) if args.json else metrics_table(result, "text"))
        tell(f"profile {result.profile} ({settings.profile.reproduces}), {len(result.query)} queries")
    if args.save_path:
        write_text(args.save_path, as_json(result))
    _write_extras(args, result)
    return _compare_with_floors(args.fail_under, result)


def _write_extras(args: argparse.Namespace, result: Result) -> None:
    if args.per_query:
        from .perquery import write_per_query

        write_per_query(args.per_query, result)
    if args.export_top5:
        from .score_frames import export_top5

        if result.profile != "movie101-rnl":
            raise ValueError("--export_top5 belongs to profile movie101-rnl")
        write_text(args.export_top5, json.dumps(export_top5(result.submission)))
    if args.table:
        write_table(args.table[0], args.table[1], result)
    if args.bootstrap:
        _tell_clusters(args, result)
    if args.details_path or args.report:
        from .details import Wanted, details

        wanted = Wanted(args.bootstrap, args.seed, args.cluster, tuple(args.breakdown))
        if args.details_path:
            write_text(args.details_path, json_text(details(result, wanted), indent=1, allow_nan=False))
        if args.report:
            from .report import report

            write_text(args.report, report(result, wanted))
        if not args.not_verbose:
            tell(f"intervals and groups -> {', '.join(filter(None, (args.details_path, args.report)))}")
        return
    if args.bootstrap:
        print(interval_table(result, args.bootstrap, args.seed, args.cluster))
    for name in args.breakdown:
        print(f"\n{breakdown_table(result, name)}")


def _tell_clusters(args: argparse.Namespace, result: Result) -> None:
    from .stats import FEW_CLUSTERS, clusters_of

    clusters = clusters_of(result, args.cluster)
    if clusters is not None:
        count = int(clusters.max()) + 1
        few = f"; below {FEW_CLUSTERS}, the intervals are unreliable" if count < FEW_CLUSTERS else ""
        tell(f"bootstrap over {count} clusters ({args.cluster}){few}")


def _compare_with_floors(floors: list[str], result: Result) -> int:
    """3 when a metric of ``KEY=VALUE`` is lower than its floor (in the profile's own units)."""
    status = 0
    flat = dict(leaves(result.metrics))
    for floor in floors:
        key, equals, text = floor.rpartition("=")
        if not equals or key not in flat:
            raise ValueError(f"--fail-under {floor}: no metric {key!r}; known: {', '.join(flat)}")
        value = flat[key]
        if value is None or not float(value) >= float(text):
            print(f"{key} is {value}, below {text}", file=sys.stderr)
            status = 3
    return status


def leaves(metrics: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """(``GROUP/key``, value) of every metric in a nested dict."""
    found = []
    for key, value in metrics.items():
        if isinstance(value, dict):
            found += leaves(value, f"{path}{key}/")
        elif not isinstance(value, str):
            found.append((f"{path}{key}", value))
    return found
