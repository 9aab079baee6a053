"""How sure a model was of what it wrote, and votes that go by it (METHOD §13)."""
