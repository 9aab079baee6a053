"""The policy as a figure: bins × budgets, coloured by gain over the baseline."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from tasks.publication.figures import WIDTH
from tasks.publication.summary import RunSummary, ShownCell, policy_cells
from tasks.publication.svg import GREY, page, text
from tasks.publication.words import half_width_text, signed_text
from tasks.strategies.names import short_names

GAIN, LOSS = (0, 114, 178), (213, 94, 0)
"""Blue and vermillion (red, green, blue), which colour-blind readers tell apart."""
FULL_GAIN = 0.2
"""Gain over the baseline, in accuracy, at which a grid cell has its full colour."""
HATCH = (
    '<defs><pattern id="undecided" width="7" height="7" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><path d="M0 0V7" stroke="#555555" stroke-width="1.6"'
    ' stroke-opacity=".38"/></pattern></defs>'
)
HATCHED = "url(#undecided)"
"""Fill of what is undecided, on a page that has HATCH."""

_LEFT, _TOP = 130, 30
"""Where the first cell stands, right of the bins' names and below the budgets'."""
_ROW = 62.0
_EDGE = "#bbbbbb"
_STRONGEST = 0.62
"""Share of the full colour that is used at most: dark text has to be readable on it."""
_HALO = {"stroke": "#ffffff", "stroke_width": "3", "stroke_opacity": ".75", "paint_order": "stroke"}
"""A white outline, without which letters drown in the hatching."""
_LETTER = 7.2
"""Mean width of a letter of 14 px."""


class Box(NamedTuple):
    """A rectangle, in pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Pixels from the left of the page to the centre."""
        return self.left + self.width / 2

    def rectangle(self, fill: str, edge: str = "none") -> str:
        """The box as SVG, with round corners."""
        corner = f'x="{self.left:.1f}" y="{self.top:.1f}"'
        size = f'width="{self.width:.1f}" height="{self.height:.1f}"'
        return f'<rect {corner} {size} rx="4" fill="{fill}" stroke="{edge}"/>'


def policy_grid(summary: RunSummary, difficulty: str) -> str:
    """SVG: the policy's cells coloured by gain over the baseline; undecided ones hatched."""
    policy = policy_cells(summary, difficulty)
    names = short_names(cell.strategy for cell in policy)
    budgets = sorted({cell.budget for cell in policy})
    bins = sorted({cell.bin for cell in policy})
    # At most so wide that few budgets do not spread over the page.
    wide = min(190.0, 1040 / max(len(budgets), 1))
    body = [HATCH, *_column_heads(budgets, wide), *_row_heads(policy)]
    for cell in policy:
        left = _LEFT + budgets.index(cell.budget) * wide
        top = _TOP + bins.index(cell.bin) * _ROW
        box = Box(left, top, wide - 4, _ROW - 4)
        body.append(_grid_cell(cell, box, names[cell.strategy]))
    bottom = _TOP + len(bins) * _ROW
    body.append(_key(summary.baseline, bottom + 8))
    return page(WIDTH, bottom + 44, body, label=f"Policy by {difficulty} difficulty")


def gain_colour(gain: float | None) -> str:
    """White at no gain, towards blue for a gain and vermillion for a loss."""
    if gain is None or gain == 0:
        return "#ffffff"
    share = min(abs(gain) / FULL_GAIN, 1.0) * _STRONGEST
    full = GAIN if gain > 0 else LOSS
    mixed = [round(255 - (255 - part) * share) for part in full]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _column_heads(budgets: list[int], wide: float) -> list[str]:
    style = {"text_anchor": "middle", "font_weight": "600"}
    heads: list[str] = []
    for column, budget in enumerate(budgets):
        middle = _LEFT + (column + 0.5) * wide
        heads.append(text(middle, 20, f"N = {budget}", **style))
    return heads


def _row_heads(policy: list[ShownCell]) -> list[str]:
    right = 118
    small = {"text_anchor": "end", "font_size": "12", "fill": GREY}
    heads: list[str] = []
    questions = {cell.bin: cell.questions for cell in policy}
    for row, bin_ in enumerate(sorted(questions)):
        top = _TOP + row * _ROW
        heads.append(text(right, top + 28, f"bin {bin_}", text_anchor="end", font_weight="600"))
        heads.append(text(right, top + 46, f"{questions[bin_]} questions", **small))
    return heads


def _grid_cell(cell: ShownCell, box: Box, name: str) -> str:
    remark = "" if cell.decided else ", undecided"
    title = f"bin {cell.bin}, N = {cell.budget}: {cell.strategy}{remark}"
    gain = "" if cell.gain is None else f" ({signed_text(cell.gain)})"
    value = f"{cell.accuracy:.2f} {half_width_text(cell.half)}{gain}"
    centred = {"text_anchor": "middle"}
    parts = [
        f"<g><title>{escape(title)}</title>",
        box.rectangle(gain_colour(cell.gain), _EDGE),
        "" if cell.decided else box.rectangle(HATCHED),
        text(box.middle, box.top + 24, name, **centred, font_weight="700", **_HALO),
        text(box.middle, box.top + 44, value, **centred, font_size="13", **_HALO),
        "</g>",
    ]
    return "".join(parts)


def _key(baseline: str, top: float) -> str:
    """What the colours and the hatching mean, in one row."""
    label = f"gain over {baseline}:"
    parts = [text(_LEFT, top + 17, label)]
    left = 150 + _LETTER * len(label)
    for gain in (-0.1, -0.05, 0.0, 0.05, 0.1, FULL_GAIN):
        box = Box(left, top, 58, 25)
        parts.append(box.rectangle(gain_colour(gain), _EDGE))
        # Beyond the last colour there is no other.
        sign = "≥ " if gain == FULL_GAIN else ""
        style = {"text_anchor": "middle", "font_size": "12"}
        parts.append(text(box.middle, top + 17, sign + signed_text(gain), **style))
        left += box.width
    parts.append(Box(left + 26, top, 34, 25).rectangle(HATCHED, _EDGE))
    parts.append(text(left + 68, top + 17, "undecided: the cheapest is named"))
    return "".join(parts)
