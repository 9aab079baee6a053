"""What is said to a server over HTTP and what its answers mean: chat, statuses, keys, spending."""
