"""Take the pictures of the README: ``make screenshots``.

Serves the literature with one real calculation (the one that the tests of the explorer use) and
looks at it with Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
