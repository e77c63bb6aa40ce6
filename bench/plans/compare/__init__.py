"""Two revisions side by side, and the commit that made a case slower."""
