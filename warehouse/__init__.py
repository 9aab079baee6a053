"""What is known: a journal of hashed segments, DuckDB over it, views, a snapshot."""
