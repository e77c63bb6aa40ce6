"""A reader's own layers of the book: checked class by class, and timed beside ours."""
