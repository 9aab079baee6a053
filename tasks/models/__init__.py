"""Model versions, how a family writes, and how a verifier reads."""
