"""One execution of a study: opened or refused, its events, what it still owes."""
