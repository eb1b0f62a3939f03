"""A user-defined type of PySpark's, importable here and in the workers."""

from __future__ import annotations

from pyspark.sql.types import DoubleType, StructField, StructType, UserDefinedType


class PointUDT(UserDefinedType):
    """Points as a struct of two doubles."""

    @classmethod
    def sqlType(cls):
        return StructType([StructField("x", DoubleType()), StructField("y", DoubleType())])

    @classmethod
    def module(cls):
        return "udt"

    def serialize(self, obj):
        return (obj.x, obj.y)

    def deserialize(self, datum):
        return Point(datum[0], datum[1])


class Point:
    __UDT__ = PointUDT()

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __eq__(self, other):
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))


def moved(point):
    return None if point is None else Point(point.x + 1, point.y)


def moved_all(points):
    return [moved(point) for point in points]


def name(point):
    return type(point).__name__


class Named:
    """A table function: the name of each point's class."""

    def eval(self, point):
        yield (name(point),)
