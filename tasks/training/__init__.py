"""How the bundled models are made, and taught by their own search."""
