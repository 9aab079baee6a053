"""What is done, in plain Python that runs without Prefect; `stages.py` wraps it for the flows."""
