"""Cannot be imported."""

import not_installed  # noqa: F401
