"""The policy as a figure: bins × budgets, coloured by gain over the baseline.

Boxes, colours and hatching are those of the exchange's figure too.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from tasks.publication.cells import ShownCell, cell_name, policy_cells
from tasks.publication.figures import WIDTH
from tasks.publication.summary import RunSummary
from tasks.publication.svg import GREY, page, text
from tasks.publication.words import plus_minus_text, signed_text
from tasks.strategies.names import short_names

GAIN = (0, 114, 178)
LOSS = (213, 94, 0)
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

_LEFT = 130
_TOP = 30
"""Where the first cell stands, right of the bins' names and below the budgets'."""
_ROW_HEIGHT = 62.0
_WIDEST_COLUMN = 190.0
"""So that few budgets do not spread over the page."""
_GAP = 4
"""Pixels between cells."""
_EDGE = "#bbbbbb"
_STRONGEST = 0.62
"""Share of the full colour that is used at most: dark text has to be readable on it."""
_HALO = {
    "stroke": "#ffffff",
    "stroke_width": "3",
    "stroke_opacity": ".75",
    "paint_order": "stroke",
}
"""A white outline, without which letters drown in the hatching."""
_HEAD = {
    "text_anchor": "middle",
    "font_weight": "600",
}
_ROW_HEAD = {
    "text_anchor": "end",
    "font_weight": "600",
}
_ROW_REMARK = {
    "text_anchor": "end",
    "font_size": "12",
    "fill": GREY,
}
_NAME = {
    "text_anchor": "middle",
    "font_weight": "700",
    **_HALO,
}
_VALUE = {
    "text_anchor": "middle",
    "font_size": "13",
    **_HALO,
}
_KEY_VALUE = {
    "text_anchor": "middle",
    "font_size": "12",
}
_KEY_GAINS = (-0.1, -0.05, 0.0, 0.05, 0.1, FULL_GAIN)
"""Gains whose colours the key shows."""
_KEY_WIDTH = 58
"""Wide enough for `≥ +0.20`."""
_KEY_HEIGHT = 25
_LETTER = 7.2
"""Mean width of a letter of 14 px."""


class Box(NamedTuple):
    """A rectangle, in pixels."""

    left: float
    """Its left edge, from the left of the page."""
    top: float
    """Its upper edge, from the top of the page."""
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
    """SVG: the policy's cells under one kind of difficulty, easiest bin on top.

    Coloured by gain over the baseline; undecided ones hatched.
    """
    policy = policy_cells(summary, difficulty)
    names = short_names(cell.strategy for cell in policy)
    budgets = sorted({cell.budget for cell in policy})
    bins = sorted({cell.bin for cell in policy})
    # 1040 px are what the page has right of the bins' names.
    wide = min(_WIDEST_COLUMN, 1040 / max(len(budgets), 1))
    body = [HATCH, *_column_heads(budgets, wide), *_row_heads(policy)]
    for cell in policy:
        # Places in the sorted lists, so that a missing cell leaves its place empty.
        box = Box(
            left=_LEFT + budgets.index(cell.budget) * wide,
            top=_TOP + bins.index(cell.bin) * _ROW_HEIGHT,
            width=wide - _GAP,
            height=_ROW_HEIGHT - _GAP,
        )
        body.append(_grid_cell(cell, box, cell_name(cell, names)))
    bottom = _TOP + len(bins) * _ROW_HEIGHT
    body.append(_key(summary.baseline, bottom + 8))
    label = f"Policy by {difficulty} difficulty"
    return page(WIDTH, bottom + 44, body, label=label)


def gain_colour(gain: float | None) -> str:
    """White at no gain, towards blue for a gain and vermillion for a loss.

    As far as FULL_GAIN, beyond which there is no stronger colour. None: no baseline, no gain.
    """
    if gain is None or gain == 0:
        return "#ffffff"
    share = min(abs(gain) / FULL_GAIN, 1.0) * _STRONGEST
    full = GAIN if gain > 0 else LOSS
    # Each part from white, 255, so far towards the full colour.
    mixed = [round(255 - (255 - part) * share) for part in full]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _column_heads(budgets: list[int], wide: float) -> list[str]:
    """`N = 16` above the middle of each column."""
    heads: list[str] = []
    for column, budget in enumerate(budgets):
        middle = _LEFT + (column + 0.5) * wide
        name = f"N = {budget}"
        heads.append(text(middle, 20, name, **_HEAD))
    return heads


def _row_heads(policy: list[ShownCell]) -> list[str]:
    """Each bin and below it how many questions it has, right-aligned beside the first cell."""
    right = _LEFT - 12
    heads: list[str] = []
    questions = {cell.bin: cell.questions for cell in policy}
    for row, (bin_, count) in enumerate(sorted(questions.items())):
        top = _TOP + row * _ROW_HEIGHT
        heads.append(text(right, top + 28, f"bin {bin_}", **_ROW_HEAD))
        heads.append(text(right, top + 46, f"{count} questions", **_ROW_REMARK))
    return heads


def _grid_cell(cell: ShownCell, box: Box, name: str) -> str:
    """Strategy over accuracy and gain; pointed at, the cell says the strategy's whole key.

    So the short name can stay short, and a policy can be copied from the report.
    """
    remark = _remark(cell)
    title = f"bin {cell.bin}, N = {cell.budget}: {cell.strategy}{remark}"
    gain = "" if cell.gain is None else f" ({signed_text(cell.gain)})"
    value = plus_minus_text(cell.accuracy, cell.half) + gain
    parts = [f"<g><title>{escape(title)}</title>"]
    parts.append(box.rectangle(gain_colour(cell.gain), _EDGE))
    # The hatching lies on the colour and below the letters.
    if not cell.decided:
        parts.append(box.rectangle(HATCHED))
    parts.append(text(box.middle, box.top + 24, name, **_NAME))
    parts.append(text(box.middle, box.top + 44, value, **_VALUE))
    parts.append("</g>")
    return "".join(parts)


def _remark(cell: ShownCell) -> str:
    """What the cell's hatching and mark mean, as it is read when pointed at."""
    if not cell.is_recommended:
        return ", stands in: most completions of every strategy were cut"
    lost = f", cut or silent {max(cell.truncated or 0, cell.no_answer or 0):.0%}"
    undecided = "" if cell.decided else ", undecided"
    return undecided + (lost if cell.loses_much else "")


def _key(baseline: str, top: float) -> str:
    """What the colours and the hatching mean, in one row.

    A few gains in place of a continuous scale, as cells are compared with boxes of one colour.
    """
    label = f"gain over {baseline}:"
    parts = [text(_LEFT, top + 17, label)]
    left = _LEFT + 20 + _LETTER * len(label)
    parts += _key_colours(left, top)
    left += _KEY_WIDTH * len(_KEY_GAINS)
    hatched = Box(left + 26, top, width=34, height=_KEY_HEIGHT)
    parts.append(hatched.rectangle(HATCHED, _EDGE))
    remark = "undecided: the cheapest is named"
    parts.append(text(left + 68, top + 17, remark))
    return "".join(parts)


def _key_colours(left: float, top: float) -> list[str]:
    """A box for each gain of the key in its colour, with the gain in it."""
    parts: list[str] = []
    for gain in _KEY_GAINS:
        box = Box(left, top, width=_KEY_WIDTH, height=_KEY_HEIGHT)
        parts.append(box.rectangle(gain_colour(gain), _EDGE))
        # The last box stands for all that is larger.
        sign = "≥ " if gain == FULL_GAIN else ""
        value = sign + signed_text(gain)
        parts.append(text(box.middle, top + 17, value, **_KEY_VALUE))
        left += box.width
    return parts
