"""The explorer: pages on which a person finds, compares and picks.

Pages are made on the server (``templates``) from the same rows that the service gives to
programs. Everything that they load stands in ``static`` and comes from the service itself.
"""
