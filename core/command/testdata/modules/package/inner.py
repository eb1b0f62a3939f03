"""A module in a package."""

from functions import Calculator

calculator = Calculator(7)
