"""Model versions side by side: champion and candidate, gate, diff."""
