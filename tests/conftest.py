"""Settings of the whole test suite."""

from __future__ import annotations

import os

from hypothesis import settings

# A build must answer the same for the same commit: generated cases are drawn from a fixed seed
# there, and at random on a developer's machine, where a new counterexample is welcome.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
