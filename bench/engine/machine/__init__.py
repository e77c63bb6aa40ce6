"""This machine and this process: CPUs, memory limits, facts about the environment."""
