"""The policy at work: probe, bin, strategy, answer with its cost."""
