"""Ring 3: flags and environment in, exit status out; one module per command."""
