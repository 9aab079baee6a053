"""The only door to MLflow: runs, registered policies, trend, outbox."""
