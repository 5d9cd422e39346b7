"""Plain lines, only ever appended: for screen readers, and terminals that cannot draw."""
