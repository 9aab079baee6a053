"""A small model and a larger one: equal FLOPs, and what the pair reaches and saves."""
