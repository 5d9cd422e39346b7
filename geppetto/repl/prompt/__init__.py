"""The prompt: prompt_toolkit in a thread of its own, and rows that are drawn above it."""
