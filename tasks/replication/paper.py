"""What the paper says in short, the bounds that make its words testable, and what a test gives."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from tasks.replication.conclusions import Conclusion

Figure = Literal["search", "search policy", "ratio", "revision policy", "exchange"]
BEAM: Final = "beam_search(m=4)/weighted"
LOOKAHEAD: Final = "lookahead(k=1,m=4)/weighted"
BASELINE: Final = "weighted"
CLOSE: Final = 0.03
"""Two ways to tell difficulty do equally well when their difference lies within this accuracy."""
PROGRESS: Final = 0.1
"""Accuracy on the hardest bin below which no meaningful progress is made."""
TRIVIAL: Final = (0.05, 0.95)
"""Pass@1 outside of which a bin says nothing about test-time compute."""
FEW_INFERRED: Final = 0.16
MUCH_INFERRED: Final = 22.0
"""The smallest and the largest R of the paper (§7)."""
EASY = (1, 2)
MEDIUM = (3, 4)
HARD = (3, 4, 5)

SAYS: Final = {
    "small budgets": "At small budgets beam search is well ahead of best-of-N.",
    "shrinks": "As the budget grows the lead shrinks.",
    "lookahead": (
        "Lookahead search does worse than beam search at the same budget: "
        "its rollouts cost too much."
    ),
    "easy search": (
        "On easy questions (bins 1–2) much search over-optimises the verifier: best-of-N is better."
    ),
    "medium search": "On harder questions (bins 3–4) beam search is consistently ahead.",
    "hardest search": "On the hardest questions (bin 5) no method makes meaningful progress.",
    "search saving": (
        "The compute-optimal policy needs up to 4× less than best-of-N: 16 generations against 64."
    ),
    "revision saving": (
        "The compute-optimal policy needs up to 4× less than parallel draws: 64 against 256."
    ),
    "policy ahead": "It is ahead of parallel draws over the budgets.",
    "predicted": "Difficulty predicted by the verifier does about as well as oracle difficulty.",
    "probe": "(Beyond the paper) A probe of a few draws does about as well as oracle difficulty.",
    "sequential": "Attempts in sequence narrowly beat as many in parallel.",
    "between": "At a given budget a ratio between the two extremes is best.",
    "easy sequential": "Easy questions (bins 1–2) are best served by attempts all in sequence.",
    "hard balance": "Harder questions (bins 3–5) need a balance of the two.",
    "ahead": (
        "Where little is inferred (R = 0.16) the small model is ahead on easy and medium bins."
    ),
    "behind": "On the hardest bin the larger model stays ahead, even at R = 0.16.",
    "much inferred": (
        "Where much is inferred (R = 22) pretraining is the better use of FLOPs on hard questions."
    ),
}
"""The paper's claims in short."""


class Claim(NamedTuple):
    """One sentence of the paper, tested."""

    figure: Figure
    paper: str
    measured: str
    conclusion: Conclusion
