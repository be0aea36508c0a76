"""Trust: whether a job may publish and sign as production, and what limits a job that may not."""
