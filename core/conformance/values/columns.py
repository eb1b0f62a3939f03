"""Columns of every type that Spark has, as SQL: what functions are shown.

A column has six rows in two groups: three values that are not null, then a value, a null and a value
that holds nulls where its type may.
"""

from __future__ import annotations

Column = tuple[str, list[str]]

# Spark does not cast map() to a type.
_NO_INTS = "map_filter(map('', 0), (k, v) -> false)"
_NO_LISTS = "map_filter(map(0, array('')), (k, v) -> false)"
_NO_STRUCTS = "map_filter(map('', struct(0, '')), (k, v) -> false)"

#: {Spark type: (the PySpark that introduced it, five SQL expressions)}; the fifth row is null.
PLAIN: dict[str, Column] = {
    "boolean": ("", ["true", "false", "true", "false", "true"]),
    "tinyint": ("", ["1", "-128", "127", "0", "2"]),
    "smallint": ("", ["1", "-32768", "32767", "0", "255"]),
    "int": ("", ["1", "-2147483648", "2147483647", "0", "65535"]),
    "bigint": ("", ["1", "-9223372036854775808", "9223372036854775807", "0", "4294967295"]),
    "float": ("", ["1.5", "0.0", "'NaN'", "'Infinity'", "0.5"]),
    "double": ("", ["1.5", "0.0", "'NaN'", "'-Infinity'", "1e300"]),
    "decimal(10,2)": ("", ["1.25", "-99999999.99", "0", "1", "2.50"]),
    "decimal(20,0)": ("", ["1", "18446744073709551615", "0", "2", "3"]),
    "decimal(38,18)": ("", ["1.000000000000000001", "-12345678901234567890", "0", "1", "2.5"]),
    "string": ("", ["'a'", "'é😀'", "''", "'b'", "'a longer text than views hold'"]),
    "binary": ("", ["X'61'", "X'00FF'", "X''", "X'62'", "X'63'"]),
    "date": (
        "",
        [
            "DATE'2024-07-01'",
            "DATE'1970-01-01'",
            "DATE'1850-01-01'",
            "DATE'2024-02-29'",
            "DATE'1969-12-31'",
        ],
    ),
    "timestamp": (
        "",
        [
            "TIMESTAMP'2024-07-01 12:00:00.000001Z'",
            "TIMESTAMP'1970-01-01 00:00:00Z'",
            "TIMESTAMP'1850-01-01 00:00:00Z'",
            "TIMESTAMP'2024-01-15 12:00:00Z'",
            "TIMESTAMP'1969-12-31 23:59:59.999999Z'",
        ],
    ),
    "timestamp_ntz": (
        "",
        [
            "TIMESTAMP_NTZ'2024-07-01 12:00:00.000001'",
            "TIMESTAMP_NTZ'1970-01-01 00:00:00'",
            "TIMESTAMP_NTZ'1850-01-01 00:00:00'",
            "TIMESTAMP_NTZ'2024-01-15 12:00:00'",
            "TIMESTAMP_NTZ'1969-12-31 23:59:59.999999'",
        ],
    ),
    "interval day to second": (
        "",
        [
            "INTERVAL '1 00:00:00.000001' DAY TO SECOND",
            "INTERVAL '0' DAY",
            "INTERVAL '-1 00:00:00' DAY TO SECOND",
            "INTERVAL '12' HOUR",
            "INTERVAL '1' SECOND",
        ],
    ),
    "time(6)": (
        "4.1",
        [
            "TIME'12:34:56.000789'",
            "TIME'00:00:00'",
            "TIME'23:59:59.999999'",
            "TIME'01:02:03'",
            "TIME'04:05:06'",
        ],
    ),
    "void": ("", ["NULL"] * 5),
    "array<int>": ("", ["array(1, 2)", "array()", "array(3)", "array(4)", "array(5, NULL)"]),
    "array<double>": ("", ["array(1.5D)", "array()", "array(2D, 3D)", "array(4D)", "array(NULL)"]),
    "array<boolean>": (
        "",
        ["array(true)", "array()", "array(false, true)", "array(false)", "array(NULL)"],
    ),
    "array<string>": (
        "",
        ["array('a', 'é')", "array()", "array('')", "array('b')", "array('c', NULL)"],
    ),
    "array<binary>": (
        "",
        ["array(X'61')", "array()", "array(X'')", "array(X'62')", "array(NULL, X'63')"],
    ),
    "array<decimal(10,2)>": (
        "",
        ["array(1.25BD)", "array()", "array(2BD)", "array(3BD)", "array(NULL, 4.5BD)"],
    ),
    "array<date>": (
        "",
        [
            "array(DATE'2024-07-01')",
            "array()",
            "array(DATE'1970-01-01')",
            "array(DATE'1850-01-01')",
            "array(NULL, DATE'2024-02-29')",
        ],
    ),
    "array<interval day to second>": (
        "",
        [
            "array(INTERVAL '1 00:00:00.000001' DAY TO SECOND)",
            "array()",
            "array(INTERVAL '-1 00:00:00' DAY TO SECOND)",
            "array(INTERVAL '0 12:00:00' DAY TO SECOND)",
            "array(NULL, INTERVAL '0 00:00:01' DAY TO SECOND)",
        ],
    ),
    "array<array<int>>": (
        "",
        [
            "array(array(1, 2), array())",
            "array()",
            "array(array(3))",
            "array(array(4))",
            "array(NULL, array(5, NULL))",
        ],
    ),
    "array<struct<a:int,b:string>>": (
        "",
        [
            "array(struct(1, 'x'), struct(2, 'y'))",
            "array()",
            "array(struct(3, 'z'))",
            "array(struct(4, ''))",
            "array(NULL, struct(5, NULL))",
        ],
    ),
    "array<map<string,int>>": (
        "",
        [
            "array(map('a', 1))",
            "array()",
            f"array({_NO_INTS})",
            "array(map('b', 2))",
            "array(NULL, map('c', NULL))",
        ],
    ),
    "map<string,int>": (
        "",
        ["map('a', 1, 'b', 2)", _NO_INTS, "map('', 3)", "map('c', 4)", "map('d', NULL)"],
    ),
    "map<int,array<string>>": (
        "",
        [
            "map(1, array('a'))",
            _NO_LISTS,
            "map(2, array())",
            "map(3, array('b'))",
            "map(4, NULL, 5, array(NULL))",
        ],
    ),
    "map<string,struct<a:int,b:string>>": (
        "",
        [
            "map('k', struct(1, 'x'))",
            _NO_STRUCTS,
            "map('l', struct(2, 'y'))",
            "map('m', struct(3, 'z'))",
            "map('n', NULL, 'o', struct(NULL, NULL))",
        ],
    ),
    "struct<a:int,b:string>": (
        "",
        [
            "struct(1, 'x')",
            "struct(2, 'y')",
            "struct(3, '')",
            "struct(4, 'z')",
            "struct(NULL, NULL)",
        ],
    ),
    "struct<a:double,b:decimal(10,2),c:binary>": (
        "",
        [
            "struct(1.5D, 1.25, X'61')",
            "struct(0D, 0, X'')",
            "struct(2D, 2, X'62')",
            "struct(3D, 3, X'63')",
            "struct(NULL, NULL, NULL)",
        ],
    ),
    "struct<x:array<int>,m:map<string,int>,s:struct<a:int>>": (
        "",
        [
            "struct(array(1), map('a', 1), struct(1))",
            f"struct(array(), {_NO_INTS}, struct(2))",
            "struct(array(2, 3), map('b', 2), struct(3))",
            "struct(array(4), map('c', 3), struct(4))",
            "struct(NULL, NULL, NULL)",
        ],
    ),
}

# What Arrow types have values for that Spark lacks.
PLAIN |= {
    "unsigned smallint": ("", ["1", "0", "255", "2", "3"]),
    "unsigned int": ("", ["1", "0", "65535", "2", "3"]),
    "unsigned bigint": ("", ["1", "0", "4294967295", "2", "3"]),
    "short decimal(9,2)": ("", ["1.25", "-9999999.99", "0", "1", "2.50"]),
    "fixed binary": ("", ["X'6162'", "X'00FF'", "X'0000'", "X'6263'", "X'6364'"]),
    "uuid binary": ("", [f"X'{digit * 32}'" for digit in "01a2f"]),
    "fixed array<int>": (
        "",
        ["array(1, 2)", "array(0, -1)", "array(3, 4)", "array(5, 6)", "array(7, NULL)"],
    ),
    "whole timestamp": (
        "",
        [
            f"TIMESTAMP'{t}Z'"
            for t in (
                "2024-07-01 12:00:00",
                "1970-01-01 00:00:00",
                "1850-01-01 00:00:00",
                "2024-01-15 12:00:00",
                "1969-12-31 23:59:59",
            )
        ],
    ),
    "whole timestamp_ntz": (
        "",
        [
            f"TIMESTAMP_NTZ'{t}'"
            for t in (
                "2024-07-01 12:00:00",
                "1970-01-01 00:00:00",
                "1850-01-01 00:00:00",
                "2024-01-15 12:00:00",
                "1969-12-31 23:59:59",
            )
        ],
    ),
    "whole interval day to second": (
        "",
        [f"INTERVAL '{seconds}' SECOND" for seconds in (86400, 0, -86400, 43200, 1)],
    ),
    "whole time(6)": (
        "4.1",
        [f"TIME'{t}'" for t in ("12:34:56", "00:00:00", "23:59:59", "01:02:03", "04:05:06")],
    ),
}

# Moments that nanoseconds in 64 bits do not hold.
for _type, _values in {
    "timestamp": [f"TIMESTAMP'{t} 00:00:00Z'" for t in ("0002-01-01", "9999-12-31")],
    "timestamp_ntz": [f"TIMESTAMP_NTZ'{t} 00:00:00'" for t in ("0002-01-01", "9999-12-31")],
}.items():
    PLAIN[f"far {_type}"] = ("", _values)

#: Types that PySpark has, and takes in few kinds of functions or in none.
RARE: dict[str, Column] = {
    "variant": (
        "4.0",
        [f"parse_json('{text}')" for text in ("1.5", '{"a": [1, null]}', '"é😀"', "[]", "true")],
    ),
    "array<variant>": (
        "4.0",
        [
            f"array({cells})"
            for cells in (
                "parse_json('1')",
                "parse_json('\"x\"')",
                "parse_json('[2]'), parse_json('3')",
                "parse_json('null')",
                "parse_json('4'), NULL",
            )
        ],
    ),
    "interval year to month": (
        "",
        [f"INTERVAL '{text}' YEAR TO MONTH" for text in ("1-2", "0-0", "-1-2", "9999-11", "0-1")],
    ),
    "interval": (
        "",
        [
            f"make_interval({parts})"
            for parts in ("1, 2, 0, 3", "0", "0, 0, 0, 0, 0, 0, -1.5", "0, 0, 0, -1", "0, 1")
        ],
    ),
}

INSTANTS = [
    "2024-01-15 12:00:00",
    "2024-07-01 12:00:00.000001",
    # Around the changes of Europe/Paris.
    "2024-03-31 00:59:59",
    "2024-03-31 01:00:00",
    "2024-10-27 00:30:00",
    "2024-10-27 01:30:00",
    # Around those of America/New_York.
    "2024-03-10 06:59:59",
    "2024-03-10 07:00:00",
    "2024-11-03 05:30:00",
    "2024-11-03 06:30:00",
    # Clocks that one of the zones skips or repeats.
    "2024-03-31 02:30:00",
    "2024-10-27 02:30:00",
    "2024-03-10 02:30:00",
    "2024-11-03 01:30:00",
]
NESTED_INSTANTS = INSTANTS[:4] + INSTANTS[-4:]

#: Columns whose values depend on zones, shown under each of them.
ZONED: dict[str, Column] = {
    "timestamp": ("", [f"TIMESTAMP'{t}Z'" for t in [*INSTANTS, "1850-01-01 00:00:00"]]),
    "timestamp_ntz": ("", [f"TIMESTAMP_NTZ'{t}'" for t in [*INSTANTS, "1850-01-01 00:00:00"]]),
    "array<timestamp>": ("", [f"array(TIMESTAMP'{t}Z', NULL)" for t in NESTED_INSTANTS]),
    "array<timestamp_ntz>": ("", [f"array(TIMESTAMP_NTZ'{t}', NULL)" for t in NESTED_INSTANTS]),
    "map<string,timestamp>": ("", [f"map('k', TIMESTAMP'{t}Z')" for t in NESTED_INSTANTS]),
    "struct<t:timestamp,n:timestamp_ntz,d:date>": (
        "",
        [f"struct(TIMESTAMP'{t}Z', TIMESTAMP_NTZ'{t}', DATE'2024-07-01')" for t in NESTED_INSTANTS],
    ),
    "array<struct<t:timestamp>>": (
        "",
        [f"array(struct(TIMESTAMP'{t}Z'))" for t in NESTED_INSTANTS],
    ),
    "struct<s:array<timestamp>>": (
        "",
        [f"struct(array(TIMESTAMP'{t}Z'))" for t in NESTED_INSTANTS],
    ),
}


def sql_type(column: str) -> str:
    """The type of a column, whose name is that and may say more in front."""
    first, _, rest = column.partition(" ")
    return rest if first in ("far", "fixed", "short", "unsigned", "uuid", "whole") else column
