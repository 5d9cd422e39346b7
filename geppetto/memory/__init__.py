"""What was said before today: every conversation, in a database of the user's own."""
