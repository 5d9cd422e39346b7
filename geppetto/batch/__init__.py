"""Scripted runs: many questions, by several sessions, one durable result for each."""
