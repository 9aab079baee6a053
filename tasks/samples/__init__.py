"""Sample logs of other tools, read and written."""
