"""Questions and their targets: the bundled benchmark, files, kinds of both."""
