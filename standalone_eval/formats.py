"""Reading and writing every file format: the table of readers, format detection, and both public loaders."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from .columns import GroundTruth, Submission
from .format_npz import read_npz
from .issues import Findings
from .profiles import Settings, profile_named, settings_of
from .sources import Broken, Source, read_source
from .validate import check_gt, check_submission

READERS = {
    "tvr": "format_tvr",
    "qvhighlights": "format_qvhighlights",
    "mad": "format_mad",
    "ego4d": "format_ego4d",
    "movie101-rnl": "format_movie101",
    "tvr-ranking": "format_ranking",
    "mad-vlgnet": "format_arrays",
    "cnm": "format_arrays",
    "window": "format_arrays",
    "retrieval": "format_arrays",
}
HEAD = 1 << 16
SIGNS = {
    "submission": {
        "tvr": r'"desc_id"|"video2idx"',
        "qvhighlights": r'"qid"|"pred_relevant_windows"|"pred_saliency_scores"',
        "mad": r'"query_id"',
        "ego4d": r'"clip_uid"|"challenge"',
        "cnm": r'"center_width"|"gt_seconds"',
        "mad-vlgnet": r'"candidates"',
        "movie101-rnl": r'^\s*\[\s*\{\s*"(predicted_times|scores)"',
        "tvr-ranking": r'^\s*\{\s*"[^"]*"\s*:\s*\[\s*\[\s*"',
    },
    "gt": {
        "tvr-ranking": r'"pair_id"',
        "tvr": r'"desc_id"',
        "qvhighlights": r'"qid"',
        "mad": r'"timestamps"|"ext_timestamps"',
        "ego4d": r'"language_queries"',
        "movie101-rnl": r'"gt_times"',
    },
}


def load_submission(path: str | Path, profile: str = "tng", **settings: Any) -> Submission:
    """The submission in a file (or ``-``) as columns.

    Args:
        path: plain, ``.gz`` or ``.npz``.
        profile: whose format it is; ``tng`` accepts every format.
        settings: as for ``evaluate``; only ``compat`` matters here.

    Raises:
        EvalInputError: with every issue of the file.
    """
    chosen = settings_of(profile, **settings)
    findings = Findings(chosen.lenient, chosen.compat)
    submission = read_submission(path, chosen, findings)
    findings.stop_if_failed()
    assert submission is not None
    return submission


def load_gt(path: str | Path, profile: str = "tng", **settings: Any) -> GroundTruth:
    """The ground truth in a file as columns; arguments and errors as for :func:`load_submission`."""
    chosen = settings_of(profile, **settings)
    findings = Findings(chosen.lenient, chosen.compat)
    gt = read_gt(path, chosen, findings)
    findings.stop_if_failed()
    assert gt is not None
    return gt


def read_submission(path: str | Path, settings: Settings, findings: Findings) -> Any:
    """Like :func:`load_submission`, collecting issues instead of raising; None when nothing could be read."""
    try:
        if str(path).endswith(".npz") and settings.profile.name != "retrieval":
            source = Source(str(path), "submission", b"", findings)
            submission = read_npz(source, str(path))
            submission.path = str(path)
            check_submission(submission, settings, findings)
            return submission
        source = read_source(path, "submission", findings)
        return _module(source, settings).read_submission(source)
    except Broken:
        return None


def read_gt(path: str | Path, settings: Settings, findings: Findings) -> Any:
    """Like :func:`load_gt`, collecting issues instead of raising; None when nothing could be read."""
    try:
        source = read_source(path, "gt", findings)
        gt = _module(source, settings).read_gt(source, settings.profile.name != "tng")
        check_gt(gt, settings, findings)
        return gt
    except Broken:
        return None


def _module(source: Source, settings: Settings) -> ModuleType:
    """The reader for the profile; E003 when the file looks like another profile's."""
    wanted = settings.profile.format
    looks = looks_like(source)
    if wanted == "any":
        if len(looks) != 1:
            source.report("E003", f"format not recognised; expected one of {', '.join(SIGNS[source.role])}")
            raise Broken
        wanted = looks[0]
    elif looks and wanted in SIGNS[source.role] and wanted not in looks:
        source.report(
            "E003", f"this is not the format of profile {settings.profile.name}; it looks like {looks[0]}"
        )
        raise Broken
    return import_module(f".{READERS[wanted]}", __package__)


def looks_like(source: Source) -> list[str]:
    """Formats whose signs stand in the first 64 KiB of the file."""
    head = source.data[:HEAD].decode("utf-8", errors="replace").lstrip("\ufeff")
    found = []
    for name, sign in SIGNS[source.role].items():
        pattern = sign if sign.startswith("^") else rf"(?<!\\)(?:{sign})\s*:"
        if re.search(pattern, head):
            found.append(name)
    return found


def detect_profile(submission: str | Path, gt: str | Path | None) -> str:
    """The profile that owns the files' format (``--profile auto``).

    Raises:
        ValueError: when the files fit no format, several, or not the same.
    """
    findings = Findings()
    try:
        second = looks_like(read_source(gt, "gt", findings)) if gt is not None else []
        columnar = str(submission).endswith(".npz")  # holds any profile's rows: the other file decides
        first = second if columnar else looks_like(read_source(submission, "submission", findings))
        second = second if gt is not None else first
    except Broken:
        findings.stop_if_failed()
    common = [name for name in first if name in second]
    if len(common) != 1:
        raise ValueError(
            f"cannot tell the profile: the submission looks like {' or '.join(first) or 'nothing known'}, "
            f"the ground truth like {' or '.join(second) or 'nothing known'}; name it with --profile"
        )
    return common[0]


def write_json(path: str | Path, submission: Submission, profile: str | None = None) -> None:
    """Writes a submission in the JSON format of a profile (its own by default), atomically."""
    name = submission.format if profile is None else profile_named(profile).format
    name = submission.format if name == "any" else name
    import_module(f".{READERS[name]}", __package__).write_submission(path, submission)
