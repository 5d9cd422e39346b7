"""The prompt for a person at a terminal: editing, streaming and commands at the same time."""
