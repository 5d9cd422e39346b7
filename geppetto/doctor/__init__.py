"""What is between this machine and an answer, looked at piece by piece; and what a report about it may hold."""
