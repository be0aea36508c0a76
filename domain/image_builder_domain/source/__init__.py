"""Files of the build context: Dockerfile, .dockerignore, variants and build arguments."""
