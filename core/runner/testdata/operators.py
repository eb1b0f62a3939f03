"""A module that an operator has the zygote import."""

OWNER = 1
