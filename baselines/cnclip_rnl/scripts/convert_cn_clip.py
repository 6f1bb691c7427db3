"""Turns a fine-tuned checkpoint of the CN-CLIP code into a folder for --clip_model.

    python -m baselines.cnclip_rnl.scripts.convert_cn_clip CHECKPOINT TEMPLATE FOLDER

TEMPLATE is the folder of the Chinese-CLIP model that was fine-tuned (configuration and tokenizer).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from method_tng.runs.door import Parser, enter


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, or 2 for a file that does not fit."""
    return enter(lambda: _convert(sys.argv[1:] if argv is None else argv))


def _convert(argv: Sequence[str]) -> int:
    parser = Parser("convert_cn_clip.py", description="A CN-CLIP checkpoint becomes a transformers folder.")
    parser.add_argument("checkpoint", type=Path, help="file of the CN-CLIP training code")
    parser.add_argument("template", type=Path, help="folder of the Chinese-CLIP model that was fine-tuned")
    parser.add_argument("folder", type=Path, help="where the new model goes")
    args = parser.parse_args(argv)
    from method_tng.encoders.cn_clip import convert_cn_clip

    convert_cn_clip(args.checkpoint, args.template, args.folder)
    print(f"{args.checkpoint} -> {args.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
