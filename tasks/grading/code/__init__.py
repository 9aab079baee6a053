"""Programs as answers: confined, called by tests from outside, judged and grouped by outputs."""
