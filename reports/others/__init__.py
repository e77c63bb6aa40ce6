"""History, machines, releases and training runs."""
