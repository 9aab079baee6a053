"""What a complete run shows of itself: summary, words, figures, report, terminal table."""
