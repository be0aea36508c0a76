"""A remote build: its settings and parameters, its plan, and what becomes of what the pipeline says.

The port and its values are :mod:`image_builder_domain.remote_pipeline`.
"""
