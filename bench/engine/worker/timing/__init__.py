"""Time: samples in interleaved rounds, and the machine's limits."""
