"""Where keys are kept: in a file of the user's, and, for whoever wants it, in the keyring of the system."""
