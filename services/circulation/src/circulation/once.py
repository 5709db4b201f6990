"""A command in one asyncpg transaction that is done once, however often it is asked for."""

from chassis.once import Act, whole

__all__ = ["Act", "whole"]
