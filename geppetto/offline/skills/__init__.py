"""What the offline brain can do, one module a skill. A skill answers a `Request` or leaves it to the next."""

from __future__ import annotations
