"""The faults that learners make: how each is known, and what to write instead."""
