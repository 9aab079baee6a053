"""Models at work: vLLM in this process, servers behind HTTP, a scripted engine."""
