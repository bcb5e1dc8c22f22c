"""The catalog on disk: SQLite tables behind `engine.ports.Catalog`, and the artifact files beside them.

`storage.location` is the way in, and the only module that may be imported at start-up: SQLAlchemy (0.5 s) and Alembic
are imported when a catalog is opened. Everything else here is private to this package.
"""
