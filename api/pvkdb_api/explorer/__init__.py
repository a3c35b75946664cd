"""The explorer: pages to find and compare materials and devices.

The service renders the pages (``templates``) from the rows that it also gives to programs. All
their files are in ``static`` and come from the service itself.
"""
