"""Warehouse: build (dbt), validate (Great Expectations), protect (disclosure), release (publish, roll back)."""
