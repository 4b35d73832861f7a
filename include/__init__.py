"""The program of the municipal data warehouse. Nothing below this package imports Airflow."""
