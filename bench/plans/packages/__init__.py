"""The same code in several environments: two versions of a package, or its releases."""
