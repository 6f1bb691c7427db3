"""From films to a page without any download: draws films, extracts, trains, indexes, searches, serves.

    python -m method_tng.demo [--quick] [--no_serve] [--out data/demo_films]

Every step is one of the other commands, and is printed before it runs.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from method_tng import extract, index_corpus, prepare, serve, train
from method_tng.contract.errors import MissingExtra
from method_tng.contract.files import write_text
from method_tng.runs.door import Parser, enter

SEARCHES = (
    "A red circle moves to the left.",
    "A blue square goes up over dark ground.",
    "黄色的三角形在沙黄的地面上移动。",
)
LAYOUT = """\
preset: movies
data:
  format: narrations
  annotations: {out}/{{split}}.jsonl
  video_features: {out}/library/features
  sub_features: {out}/library/sub_features
  query_features: {out}/query.h5
  ctx_mode: video_sub
  clip_length: 2.0
  window_seconds: 40.0
  max_ctx_l: 20
train:
  n_epoch: {epochs}
  batch_windows: 16
  results_root: {out}/runs
"""
DOORS = {"extract.sh": extract, "prepare": prepare, "train.sh": train, "index.sh": index_corpus}
DOORS["serve.sh"] = serve


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the whole way; returns the exit code of the first step that fails, else 0."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _demo(words))


def _demo(words: list[str]) -> int:
    parser = Parser("demo.sh", allow_abbrev=False, description="From drawn films to a page.")
    parser.add_argument("--out", type=Path, default=Path("data/demo_films"), help="data/demo_films")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter films, and no page")
    parser.add_argument("--no_serve", action="store_true", help="end after the searches, without the page")
    args = parser.parse_args(words)
    try:
        from method_tng.extraction.rendering import render_films
    except ImportError as error:
        raise MissingExtra(error.name or "av", "video") from error
    layout, (films, scenes, epochs) = args.out / "films.yaml", (5, 6, 20) if args.quick else (20, 12, 30)
    render_films(args.out, films, scenes)
    write_text(layout, LAYOUT.format(out=args.out, epochs=epochs))
    before = set((args.out / "runs").glob("*"))
    steps = [
        ["extract.sh", args.out / "films", args.out / "library"],
        ["prepare", "text", layout, "--out", args.out / "query.h5"],
        ["train.sh", layout, "--hidden_size", "128", "--lex_min_df", "1", "--eval_split", ""],
    ]
    if code := _first_fault(steps):
        return code
    (run,) = set((args.out / "runs").glob("*")) - before
    index = args.out / f"index-{run.name}"
    steps = [["index.sh", "add", index, "--run", run, "--library", args.out / "library"]]
    steps += [["index.sh", "search", index, text, "--top", "3"] for text in SEARCHES]
    if not (args.quick or args.no_serve):
        steps.append(["serve.sh", index])
    return _first_fault(steps)


def _first_fault(steps: Sequence[Sequence[object]]) -> int:
    for name, *told in ([str(word) for word in step] for step in steps):
        command = "python -m method_tng.prepare" if name == "prepare" else f"bash method_tng/scripts/{name}"
        print(f"\n$ {command} {shlex.join(told)}", flush=True)
        if code := DOORS[name].main(told):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
