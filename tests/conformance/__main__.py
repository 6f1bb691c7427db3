"""``python -m tests.conformance NAME FOLDER``: runs every case in a folder."""

import sys
from importlib import import_module
from pathlib import Path

MODULES = ("evaluation", "reloclnet", "rgnet", "rnl", "tng", "videos")


def main(argv: list[str]) -> int:
    """Exit status of the named module's ``run(folder)``; 2 for wrong usage."""
    if len(argv) != 2 or argv[0] not in MODULES:
        print(f"usage: python -m tests.conformance {{{','.join(MODULES)}}} FOLDER", file=sys.stderr)
        return 2
    folder = Path(argv[1])
    if not folder.is_dir():
        print(f"{folder} is no folder", file=sys.stderr)
        return 2
    return import_module(f"tests.conformance.{argv[0]}").run(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
