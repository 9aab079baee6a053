"""What people type: the verbs of `ttc`, one file a verb family."""
