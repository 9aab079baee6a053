"""No test sends telemetry; none is timed: that would say more of the machine than of the code."""

from hypothesis import settings

from tasks.settings import stop_telemetry

# Before any test imports a package that reads its switch then; the command line does it for itself.
stop_telemetry()

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
