"""Plans: what is measured against what. A plan lists experiments and turns their samples into its result."""
