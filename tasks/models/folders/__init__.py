"""What lies in a model folder: configuration, weights, adapter, where it came from."""
