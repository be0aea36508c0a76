"""HTTP client: timeouts, TLS, limits, retries and error messages in one place."""
