"""Print docs/tables.md: `python -m tasks.tables > docs/tables.md`."""

import sys

from tasks.tables.describe import markdown

sys.stdout.write(markdown())
