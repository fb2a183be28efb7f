"""What pages are made of: a skeleton, tables, figures as inline SVG. Every text that comes in is escaped."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

# Nothing is loaded and nothing runs: a name that slipped through as markup could do no harm.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --soft: #5c5c5c; --line: #d9d9d9; --back: #ffffff;
  --card: #f6f7f8; --link: #005a91; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --soft: #b3b3b3; --line: #3d3d3d;
  --back: #17181a; --card: #222427; --link: #7cc0f0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .5rem; padding-top: .6rem; border-top: 1px solid var(--line); }
p { margin: .4rem 0 .8rem; max-width: 46rem; }
.soft { color: var(--soft); font-size: .92rem; }
.lead { font-size: 1.08rem; }
nav { margin: .8rem 0; font-size: .92rem; } nav a { margin-right: .9rem; white-space: nowrap; }
a { color: var(--link); }
figure { margin: .6rem 0 1rem; padding: .6rem; background: #ffffff; border: 1px solid var(--line);
  border-radius: 6px; overflow-x: auto; }
figure svg { display: block; width: 100%; height: auto; min-width: 30rem; margin: 0 auto; }
.wrap { overflow-x: auto; }
pre { overflow-x: auto; background: var(--card); padding: .7rem .9rem; border-radius: 6px; font-size: .84rem;
  line-height: 1.4; }
table.run td { white-space: normal; overflow-wrap: anywhere; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums;
  margin: .3rem 0 1rem; }
th, td { padding: .22rem .8rem .22rem 0; text-align: left; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; }
tbody tr:nth-child(even) { background: var(--card); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem;
  margin: 1rem 0; }
dl.facts div { background: var(--card); border-radius: 6px; padding: .55rem .8rem; }
dl.facts dt { color: var(--soft); font-size: .82rem; }
dl.facts dd { margin: 0; font-size: 1.35rem; font-weight: 600; line-height: 1.3; }
dl.facts dd small { display: block; font-size: .82rem; font-weight: 400; color: var(--soft); }
ul.notes { padding-left: 1.1rem; } ul.notes li { margin: .2rem 0; overflow-wrap: anywhere; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .7rem; color: var(--soft);
  font-size: .85rem; overflow-wrap: anywhere; }
@media print { main { max-width: none; } figure { break-inside: avoid; border: 0; } }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Section:
    """A part of a page: its heading, the name its link has, and its markup."""

    name: str
    heading: str
    body: str


def text(value: object) -> str:
    """Any value as text of a page."""
    return html.escape(str(value), quote=True)


def page(title: str, top: str, sections: Sequence[Section], foot: str) -> bytes:
    """A whole page: `top` stands above a list of links to the sections, `foot` at the end."""
    links = " ".join(f'<a href="#{text(s.name)}">{text(s.heading)}</a>' for s in sections)
    parts = [f'<h2 id="{text(s.name)}">{text(s.heading)}</h2>\n{s.body}' for s in sections]
    body = "\n".join([top, f'<nav aria-label="Contents">{links}</nav>', *parts, f"<footer>{foot}</footer>"])
    return _PAGE.format(policy=text(POLICY), title=text(title), style=STYLE, body=body).encode()


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of plain words."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def facts(pairs: Iterable[tuple[str, str, str]]) -> str:
    """Headline numbers: name, value, and a word of explanation ("" for none)."""
    cells = [
        f"<div><dt>{text(name)}</dt><dd>{text(value)}"
        f"{f' <small>{text(more)}</small>' if more else ''}</dd></div>"
        for name, value, more in pairs
    ]
    return f'<dl class="facts">{"".join(cells)}</dl>'


def notes(lines: Iterable[str]) -> str:
    """A list of sentences; nothing for none."""
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f'<ul class="notes">{items}</ul>' if items else ""


def table(frame: pd.DataFrame, caption: str = "") -> str:
    """A frame as a table: numbers to the right, three significant digits, nothing for missing ones."""
    numeric = [bool(pd.api.types.is_numeric_dtype(frame[c])) for c in frame.columns]
    kinds = [' class="n"' if right else "" for right in numeric]
    head = "".join(f'<th scope="col"{k}>{text(c)}</th>' for c, k in zip(frame.columns, kinds, strict=True))
    rows = [
        "<tr>" + "".join(f"<td{k}>{text(number(v))}</td>" for v, k in zip(row, kinds, strict=True)) + "</tr>"
        for row in frame.itertuples(index=False, name=None)
    ]
    named = f"<caption>{text(caption)}</caption>" if caption else ""
    return (
        f'<div class="wrap" tabindex="0"><table>{named}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def number(value: Any) -> str:
    """A value as people read it: whole numbers whole, others to three digits; empty for missing."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}".replace(",", "\u202f")
    if isinstance(value, float | np.floating):
        real = float(value)
        shown = f"{real:.3f}" if 5e-4 <= abs(real) < 1e4 or real == 0 else f"{real:.2g}"
        return shown.replace("-", "−")
    return str(value)


_ID = re.compile(r'(\bid="|url\(#|href="#)([^")]+)')


def svg(data: bytes, name: str, label: str) -> str:
    """An SVG file as part of a page: its names made its own, read aloud as `label`, as wide as its place."""
    drawn = data.decode()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    found = re.search(r'width="([\d.]+)pt"', drawn)
    width = float(found[1]) if found else 510.0
    drawn = _ID.sub(lambda found: f"{found[1]}{name}-{found[2]}", drawn)
    head, _, rest = drawn.partition(">")
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    style = f"max-width:{width / 510 * 58:.1f}rem"
    return f'<figure>{head} role="img" aria-label="{text(label)}" style="{style}">{rest}</figure>'
