"""The project's measurements: ``python -m benchmarks`` runs them all in one go.

Kept free of imports: workers import this package for its functions.
"""
