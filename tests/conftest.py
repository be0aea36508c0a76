"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes says nothing on cores that others use too; benchmarks measure, properties do not.
settings.register_profile("steady", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
