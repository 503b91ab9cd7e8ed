"""How older stores come to the present tables (Alembic). Run by `database.upgrade`, inside the writer's transaction."""
