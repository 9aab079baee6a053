"""What the paper says beside what was measured, and a conclusion drawn from the interval."""

from __future__ import annotations

from tasks.replication.evidence import Evidence
from tasks.replication.exchange_claims import exchange_claims
from tasks.replication.paper import Claim
from tasks.replication.policy_claims import revision_policy_claims, search_policy_claims
from tasks.replication.ratio_claims import ratio_claims
from tasks.replication.search_claims import search_claims


def claims(evidence: Evidence) -> list[Claim]:
    """Every claim that the run can speak to, in the order of the paper's figures."""
    return [
        *search_claims(evidence),
        *search_policy_claims(evidence),
        *ratio_claims(evidence),
        *revision_policy_claims(evidence),
        *exchange_claims(evidence.summary.shown_exchange),
    ]
