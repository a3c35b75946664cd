"""Take the pictures of the README: ``make screenshots``.

Serves the literature with one real calculation (the one that the tests of the explorer use) and
looks at it with Chromium.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
