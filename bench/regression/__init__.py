"""Whether a change made something slower: two revisions raced against each other, and how well that works here."""
