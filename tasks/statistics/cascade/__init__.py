"""A small model with a larger one behind it: what the pair reaches, and what it saves."""
