"""What the bench found, as a Markdown table and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

_GREEN, _RED, _GREY = "#2f7d4f", "#b8402a", "#c9c9c4"
MOST_COLUMNS = 8
_CELL, _ROW, _LEFT, _TOP = 92, 19, 270, 46


def table(result: dict[str, Any]) -> str:
    """Markdown: attacks × clips, or, of many clips, how often each was survived; quality and speed; false alarms."""
    rows = result["clips"]
    heads = [_head(row, rows) for row in rows]
    lines = _columns(rows, heads) if len(rows) <= MOST_COLUMNS else _counts(rows)
    lines += ["", "Exact message back; in brackets the p-value, or the share of right bits where a mark has none.", ""]
    lines += ["| clip | size | luma PSNR | SSIM | VMAF (of at most) | plain areas | embed ms/frame | read s (most) |"]
    lines += ["|---" * 8 + "|"]
    for row, head in zip(rows, heads, strict=True):
        quality = row["quality"]
        vmaf = "not measured" if quality["vmaf"] is None else f"{quality['vmaf']:.2f} ({quality['vmaf_ceiling']:.2f})"
        plain = "–" if quality["plain"] is None else f"{quality['plain']:.2f} levels"
        slowest = max((cell["seconds"] for cell in row["cells"] if "seconds" in cell), default=0.0)
        lines.append(
            f"| {head} | {row['width']}×{row['height']} | {quality['psnr_y']:.2f} dB | {quality['ssim_y']:.4f} | "
            f"{vmaf} | {plain} | {row['embed_ms']:.2f} | {slowest:.2f} |"
        )
    lines.append("")
    for scheme, total in result["totals"].items():
        missing = f"; {total['not_run']} could not be run here" if total["not_run"] else ""
        lines.append(f"{scheme}: {total['exact']} of {total['run']} cells exact{missing}.")
    reasons = {
        f"Not run: {cell['attack']} – {cell['reason']}"
        for row in rows
        for cell in row["cells"]
        if cell["outcome"] == "not run"
    }
    return "\n".join([*lines, *sorted(reasons), *_alarms(result.get("false_positives"))])


def _columns(rows: Sequence[dict[str, Any]], heads: Sequence[str]) -> list[str]:
    lines = ["| attack | " + " | ".join(heads) + " |", "|---" * (len(rows) + 1) + "|"]
    for index, cell in enumerate(rows[0]["cells"] if rows else []):
        lines.append(f"| {cell['attack']} | " + " | ".join(_word(row["cells"][index]) for row in rows) + " |")
    return lines


def _counts(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = ["| attack | scheme | exact | of | share |", "|---" * 5 + "|"]
    for scheme in dict.fromkeys(row["scheme"] for row in rows):
        for cells in zip(*(row["cells"] for row in rows if row["scheme"] == scheme), strict=True):
            outcomes = [cell["outcome"] for cell in cells if cell["outcome"] != "not run"]
            exact, of = outcomes.count("exact"), len(outcomes)
            share = f"{100 * exact / of:.1f} %" if of else "–"
            lines.append(f"| {cells[0]['attack']} | {scheme} | {exact} | {of} | {share} |")
    return lines


def _alarms(found: dict[str, Any] | None) -> list[str]:
    if not found:
        return []
    return [
        "",
        f"False positives: {found['found']} of {found['readings']} readings of what carries no mark of the key asked "
        f"for: {found['files']} files, {found['synthetic']} synthetic pictures, {found['marked_by_others']} marked "
        f"with other keys, each under many keys that nobody used. Smallest p-value: {found['smallest_p']:.1e}.",
        f"A Gumbel distribution fitted to the pilot scores (location {found['gumbel']['location']:.2f}, scale "
        f"{found['gumbel']['scale']:.3f}) gives a rate of {found['fitted_rate']:.1e} for a record id out of nothing.",
    ]


def _head(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    return row["name"] if len({each["scheme"] for each in rows}) == 1 else f"{row['scheme']}: {row['name']}"


def _word(cell: dict[str, Any]) -> str:
    if cell["outcome"] == "not run":
        return "not run"
    if cell["p_value"] is not None:
        return f"{'yes' if cell['outcome'] == 'exact' else '**no**'} ({cell['p_value']:.0e})"
    return f"{'yes' if cell['outcome'] == 'exact' else '**no**'} ({100 * cell['details']['bit_accuracy']:.0f} %)"


def plot(result: dict[str, Any]) -> str:
    """SVG: a field for every attack and clip; green the darker, the surer, red missed, grey not run."""
    rows = result["clips"]
    count = len(rows[0]["cells"]) if rows else 0
    width, height = _LEFT + _CELL * len(rows) + 10, _TOP + _ROW * count + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for column, row in enumerate(rows):
        x = _LEFT + _CELL * column + _CELL / 2
        parts.append(f'<text x="{x}" y="{_TOP - 10}" text-anchor="middle">{escape(_head(row, rows))}</text>')
        for line, cell in enumerate(row["cells"]):
            y = _TOP + _ROW * line
            colour, strength, label = _field(cell)
            parts.append(
                f'<rect x="{_LEFT + _CELL * column}" y="{y}" width="{_CELL - 3}" height="{_ROW - 3}" fill="{colour}" '
                f'fill-opacity="{strength:.2f}"/><text x="{x}" y="{y + 12}" text-anchor="middle">{label}</text>'
            )
    for line, cell in enumerate(rows[0]["cells"] if rows else []):
        y = _TOP + _ROW * line + 12
        parts.append(f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end">{escape(cell["attack"])}</text>')
    foot = "green: the exact message, with minus the logarithm of its p-value; red: missed; grey: not run"
    return "".join([*parts, f'<text x="8" y="{height - 10}">{foot}</text></svg>'])


def _field(cell: dict[str, Any]) -> tuple[str, float, str]:
    if cell["outcome"] == "not run":
        return _GREY, 0.5, "not run"
    colour = _GREEN if cell["outcome"] == "exact" else _RED
    if cell["p_value"] is None:
        return colour, 0.7, f"{100 * cell['details']['bit_accuracy']:.0f} %"
    sureness = -math.log10(max(cell["p_value"], 1e-60))
    return colour, min(1.0, 0.35 + sureness / 60) if colour == _GREEN else 0.7, f"{sureness:.0f}"
