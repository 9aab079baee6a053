"""What is asked about a question, drawn or replayed: plan, tools, costs, recorder."""
