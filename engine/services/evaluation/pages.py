"""Contact sheets as files: a self-contained page, and a picture."""

from __future__ import annotations

import base64
import html
from pathlib import Path

from engine.domain.files import complete_file
from engine.imaging.contact_sheet import ContactSheet, Row, draw_contact_sheet
from engine.imaging.raster.encode import encode_png

Table = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
"""Headings and rows."""

_STYLE = """
html { color-scheme: only light; background: #767676; }
body { font: 15px/1.5 system-ui, sans-serif; color: #000; margin: 32px auto; padding: 0 24px; max-width: 1720px; }
h1 { font-size: 24px; font-weight: 600; margin: 0 0 8px; overflow-wrap: anywhere; }
p { margin: 4px 0; max-width: 90ch; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 20px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 3px 18px 3px 0; font-weight: 400; }
th:first-child, td:first-child { text-align: left; } tr.best td { font-weight: 600; }
.legend span { display: inline-block; margin-right: 24px; }
.legend i { display: inline-block; width: 13px; height: 13px; margin-right: 7px; vertical-align: -1px; }
main { display: grid; gap: 28px 36px; margin-top: 24px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--row)), 1fr)); }
article { display: grid; grid-template-columns: repeat(var(--columns), 1fr); gap: 4px 8px; align-content: start; }
article h2 { grid-column: 1 / -1; font-size: 15px; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
article h2 span { font-weight: 400; }
figure { margin: 0; }
img { width: 100%; display: block; }
figcaption { font-size: 13px; line-height: 1.4; padding-top: 4px; font-variant-numeric: tabular-nums; }
@media print { body { -webkit-print-color-adjust: exact; print-color-adjust: exact; } article { break-inside: avoid; } }
"""
_WIDE_ROWS = 6
"""Up to so many examples each has the page's whole width; more stand side by side."""


def write_page(path: Path, sheet: ContactSheet, table: Table | None = None, best: int | None = None) -> None:
    """Write a sheet as one HTML file that holds its pictures.

    Parameters
    ----------
    table : tuple, optional
        Figures above the rows.
    best : int, optional
        Row of the table that stands out.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    title = html.escape(sheet.title)
    wide = "900px" if len(sheet.rows) <= _WIDE_ROWS else "620px"
    parts = [
        '<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">',
        f"<title>{title}</title><style>{_STYLE}</style>",
        f"<h1>{title}</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in sheet.lines),
        _table(table, best) if table is not None else "",
        _legend(sheet),
        f'<main style="--row:{wide};--columns:{len(sheet.columns)}">',
        *(_article(row, sheet.columns) for row in sheet.rows),
        "</main></html>\n",
    ]
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")


def write_picture(path: Path, sheet: ContactSheet) -> None:
    """Write a sheet as a PNG.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_bytes(encode_png(draw_contact_sheet(sheet)))


def _table(table: Table, best: int | None) -> str:
    headings, rows = table
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join(
        f"<tr{' class=best' if index == best else ''}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for index, row in enumerate(rows)
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _legend(sheet: ContactSheet) -> str:
    if not sheet.legend:
        return ""
    patches = "".join(
        f'<span><i style="background:#{bytes(color).hex()}"></i>{html.escape(meaning)}</span>'
        for color, meaning in sheet.legend
    )
    return f"<p class=legend>{patches}</p>"


def _article(row: Row, columns: tuple[str, ...]) -> str:
    note = f" <span>{html.escape(row.note)}</span>" if row.note else ""
    figures = "".join(
        f'<figure><img src="data:image/jpeg;base64,{base64.b64encode(cell.jpeg).decode()}" loading=lazy'
        f' alt="{html.escape(f"{row.name}: {column}", quote=True)}"><figcaption>'
        f"{html.escape(column)}"
        f"{''.join(f'<br>{html.escape(line)}' for line in cell.caption)}</figcaption></figure>"
        for cell, column in zip(row.cells, columns, strict=True)
    )
    return f"<article><h2>{html.escape(row.name)}{note}</h2>{figures}</article>"
