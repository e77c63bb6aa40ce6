"""What a run's figures say: which is fastest, why, and what surprises."""
