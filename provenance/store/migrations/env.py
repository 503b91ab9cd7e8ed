"""Alembic's entry: migrate over the connection that the store has open, in the transaction it has begun."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
