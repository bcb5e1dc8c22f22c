"""Alembic revisions of the catalog; `storage.upgrade` runs them when a catalog is opened."""
