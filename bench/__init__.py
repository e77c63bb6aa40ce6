"""How the implementations are measured, and the commands. Imports impls and reports; nothing imports it."""
