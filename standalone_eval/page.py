"""The HTML frame of reports: one file, no scripts, light and dark, plots with their data as tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --back: #fbfbfa; --card: #fff; --ink: #1d2126; --soft: #5d6570;
  --rule: #e1e4e8; --0: #2f6fb5; --1: #c8662a; --2: #2f8f66; --3: #8d4ba0; --4: #b0933a; --5: #6f7782; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1c2026; --ink: #e6e8eb;
  --soft: #a2abb6; --rule: #333a43; --0: #6ba7e8; --1: #eb9a63; --2: #63c297; --3: #c58fd6; --4: #d8bf6b;
  --5: #99a2ad; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC",
  "Microsoft YaHei", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 20px 16px 60px; }
h1 { font-size: 1.5rem; margin: 0 0 4px; } h2 { font-size: 1.15rem; margin: 36px 0 10px; }
h3 { font-size: .95rem; margin: 0 0 6px; font-weight: 600; }
p { margin: 4px 0; } .soft, small { color: var(--soft); }
.grid2 { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
figure, .card { margin: 0; padding: 14px; background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; min-width: 0; }
figure > svg { display: block; width: 100%; height: auto; max-width: 640px; }
svg text { font-size: 12px; fill: var(--soft); } svg text.title { fill: var(--ink); }
svg .grid { stroke: var(--rule); stroke-width: 1; } .line { fill: none; stroke-width: 2; }
.dashed { stroke-dasharray: 5 4; } .band { opacity: .18; } .dot { opacity: .5; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px 3px 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; color: var(--soft); }
details { margin-top: 8px; } summary { cursor: pointer; color: var(--soft); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 6px 0 0; padding: 0;
  font-size: .85rem; } .legend svg { width: 10px; height: 10px; margin-right: 5px; }
.bars { display: grid; grid-template-columns: minmax(70px, max-content) 1fr max-content; gap: 4px 10px;
  align-items: center; font-size: .87rem; } .bars svg { width: 100%; height: 16px; display: block; }
.bars > span { overflow-wrap: anywhere; } .queries { display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); }
.query { min-width: 0; } .query p { overflow-wrap: anywhere; }
.lane { display: grid; grid-template-columns: 22px 1fr 116px; gap: 8px;
  align-items: center;
  font-size: .78rem; color: var(--soft); } .lane svg { width: 100%; height: 12px; display: block; }
.lane b { font-weight: 500; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  text-align: right; }
.back { fill: var(--rule); opacity: .6; } .whisker { stroke: var(--ink); stroke-width: 1.5; }
"""
COLOURS = 6
CLASSES = "".join(f".c{n} {{ stroke: var(--{n}); }} .f{n} {{ fill: var(--{n}); }}" for n in range(COLOURS))


def page(title: str, body: Sequence[str]) -> str:
    """A whole HTML document."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{CLASSES}</style></head>\n<body><main>"
        + "\n".join(body)
        + "</main></body></html>\n"
    )


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """A table that scrolls sideways when it must."""
    top = "".join(f"<th>{escape(str(cell))}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def figure(
    title: str, picture: str, head: Sequence[Any], rows: Sequence[Sequence[Any]], note: str = ""
) -> str:
    """A plot with its title, an optional note, and its data behind a fold."""
    data = f"<details><summary>Data</summary>{table(head, rows)}</details>"
    text = f'<p class="soft">{escape(note)}</p>' if note else ""
    return f"<figure><h3>{escape(title)}</h3>{picture}{text}{data}</figure>"


def share_bar(share: float, colour: int = 0, ends: tuple[float, float] | None = None) -> str:
    """A horizontal bar of a share in [0, 1], with an interval when given."""
    parts = ['<svg aria-hidden="true"><rect class="back" width="100%" height="100%"/>']
    parts.append(f'<rect class="f{colour}" width="{100 * share:.2f}%" height="100%"/>')
    if ends is not None:
        low, high = (f"{100 * end:.2f}%" for end in ends)
        parts.append(f'<line class="whisker" x1="{low}" x2="{high}" y1="8" y2="8"/>')
    return "".join([*parts, "</svg>"])


def stacked_bar(shares: Sequence[float]) -> str:
    """Shares that sum to 1, side by side, in the order of the colours."""
    parts, left = ['<svg aria-hidden="true"><rect class="back" width="100%" height="100%"/>'], 0.0
    for colour, share in enumerate(shares):
        parts.append(
            f'<rect class="f{colour}" x="{100 * left:.2f}%" width="{100 * share:.2f}%" height="100%"/>'
        )
        left += share
    return "".join([*parts, "</svg>"])


def bars(rows: Sequence[tuple[str, str, str]]) -> str:
    """Rows of (name, bar, text), aligned."""
    cells = "".join(
        f"<span>{escape(name)}</span>{bar}<span>{escape(text)}</span>" for name, bar, text in rows
    )
    return f'<div class="bars">{cells}</div>'
