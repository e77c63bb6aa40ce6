"""What is measured against what: a plan lists experiments, and turns their samples into its result."""
