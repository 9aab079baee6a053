"""The stages of a nightly evaluation, one file each, named as in `flows/nightly.py`."""
