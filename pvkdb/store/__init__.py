"""The store: models, sessions, collections, the queue, exports. SQLite and PostgreSQL."""
