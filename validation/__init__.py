"""How far the numbers can be trusted: each room makes pages of docs/validation.

A script is run from the repository: ``python -m validation.ROOM.NAME``; ``make`` in a room writes
the page of the room's name.
"""
