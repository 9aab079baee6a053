"""Errors that the command line turns into exit codes."""

from warehouse.errors import UserError

__all__ = ["UserError"]
