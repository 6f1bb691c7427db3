"""Makes what training needs: corpora, packs, query features, runs of published checkpoints; checks data.

python -m method_tng.prepare demo   [--out data/demo]
python -m method_tng.prepare tng    --checkout MOVIE101V2 --pack tng-mini [--out data/packs]
python -m method_tng.prepare text   DSET --out FILE.h5 (--run RUN | --encoder hashed|table|transformers)
python -m method_tng.prepare check  DSET [CTX_MODE [VID_FEAT_TYPE]] [--splits train val]
python -m method_tng.prepare import CHECKPOINT DSET CTX_MODE VID_FEAT_TYPE [--trust_checkpoint]
python -m method_tng.prepare ego4d    NLQ.json --out FILE.jsonl [--training]
python -m method_tng.prepare features LMDB_OR_HDF5 --out FILE.h5 [--field token_features]
"""

import argparse
import sys
from collections.abc import Sequence

from method_tng.runs.door import data_settings, enter, facts_of
from method_tng.runs.preparing import ENCODER_OPTIONS, prepare_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parses and runs one sub-command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    works = {"demo": _demo, "tng": _tng, "text": _text, "check": _check, "import": _import}
    works |= {"ego4d": _converted, "features": _converted}

    def work() -> int:
        args = prepare_parser().parse_args(words)
        return works[args.command](args, words)

    return enter(work)


def _demo(args: argparse.Namespace, _words: list[str]) -> int:
    from method_tng.corpora.demo import make_demo

    make_demo(args.out)
    return 0


def _tng(args: argparse.Namespace, _words: list[str]) -> int:
    from method_tng.corpora.tng_pack import PackOptions, build_pack

    options = PackOptions(languages=args.languages, names=args.names, forms=tuple(args.forms))
    build_pack(args.checkout, args.pack, args.out, options, narrations=args.narrations, tables=args.tables)
    return 0


def _text(args: argparse.Namespace, _words: list[str]) -> int:
    from method_tng.extraction.choice import encoder_of_run, new_encoder
    from method_tng.extraction.text import encode_annotations
    from method_tng.runs.folder import RunFolder

    run = RunFolder.open(args.run, args.results_root) if args.run else None
    data = data_settings(args, run.settings if run else None).data
    told = {name: value for name, value in vars(args).items() if name in ENCODER_OPTIONS}
    encoder = encoder_of_run(run.facts, told) if run else new_encoder(args.encoder, told, data.language)
    count = encode_annotations(data, args.splits, encoder, args.out)
    print(f"{count} queries of {', '.join(args.splits)} -> {args.out}")
    return 0


def _converted(args: argparse.Namespace, _words: list[str]) -> int:
    from method_tng.dataset.annotations_ego4d import convert_ego4d
    from method_tng.dataset.conversion import convert_features

    told = (args.source, args.out, args.how)
    count = convert_ego4d(*told) if args.command == "ego4d" else convert_features(*told)
    print(f"{count} items -> {args.out}")
    return 0


def _check(args: argparse.Namespace, _words: list[str]) -> int:
    from method_tng.dataset.check import check

    problems, splits = check(data_settings(args).data, args.splits), ", ".join(args.splits)
    print("\n".join([*problems, f"{len(problems) or 'no'} problem{'s' * (len(problems) > 1)} in {splits}"]))
    return 2 if problems else 0


def _import(args: argparse.Namespace, words: list[str]) -> int:
    from method_tng.runs.imported import import_run

    facts = facts_of(["prepare", *words])
    run = import_run(args.checkpoint, args.trust_checkpoint, data_settings(args), facts)
    print(f"run folder: {run.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
