"""``python -m pvkdb``."""

from pvkdb.cli import main

main()
