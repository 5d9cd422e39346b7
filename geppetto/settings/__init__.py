"""Where settings come from: flags, variables, files, profiles, providers."""
