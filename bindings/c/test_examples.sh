#!/bin/sh
# Runs the example programs with real workers and compares what they print.
#   test_examples.sh DIRECTORY-OF-PROGRAMS PYTHON
set -eu
programs=$1
python=$2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAIL $*" >&2
  exit 1
}

"$programs/smallest" >"$work/roots"
printf '1\n2\n3\n4\n5\n' | diff - "$work/roots" || fail smallest

# 1000 points 3i, 4i at distance 5i; every 7th has no y.
awk 'BEGIN {
  print "id,x,\"the y\"";
  for (i = 1; i <= 1000; i++) print "point " i "," 3 * i "," (i % 7 ? 4 * i : "")
}' >"$work/points.csv"
awk 'BEGIN { for (i = 1; i <= 1000; i++) print i % 7 ? 5 * i : "" }' >"$work/expected"
for workers in 1 3; do
  "$programs/csv_udf" -p "$python" -i "$here" -w $workers -b 64 -n 2 -o "$work/distances" \
    "$work/points.csv" example_functions:distance x "the y" >"$work/shown"
  diff "$work/expected" "$work/distances" || fail "csv_udf with $workers workers"
done
printf 'x\tthe y\tresult\n3\t4\t5\n6\t8\t10\n' | diff - "$work/shown" || fail "csv_udf's rows"

if "$programs/csv_udf" -p "$python" -i "$here" -w 2 "$work/points.csv" example_functions:faulty x \
  2>"$work/errors"; then
  fail "csv_udf with a faulty function"
fi
grep -q 'error -6: .*none of them welcome' "$work/errors" || fail "csv_udf's message"
grep -q 'in faulty' "$work/errors" || fail "csv_udf's traceback"
"$programs/csv_udf" "$work/points.csv" a:b "no such column" 2>/dev/null && fail "csv_udf without a column"
"$programs/csv_udf" 2>/dev/null && fail "csv_udf without arguments"
echo "ok examples"
