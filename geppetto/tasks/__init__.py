"""Ring 2: what the session nursery owns, one job each. These modules do not import each other."""
