"""Making and reading data."""
