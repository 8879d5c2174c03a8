#!/bin/sh
# clang-format and clang-tidy over the sources, shellcheck over the scripts.
set -eu

[ $# -eq 1 ] || {
    echo "usage: tools/lint.sh BUILD" >&2
    exit 2
}
cd "$(dirname "$0")/.."
status=0
find include src tests -name '*.[ch]' -print0 -o -name '*.cc' -print0 | xargs -0 clang-format --dry-run -Werror || status=1
find src -name '*.c' -print0 -o -name '*.cc' -print0 |
    xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$1" --quiet 2>"$1/clang-tidy.log" || {
    status=1
    # Counts of warnings that were not shown say nothing.
    grep -v 'warnings\? generated\|warnings treated as errors' "$1/clang-tidy.log" || true
}
shellcheck tools/*.sh bench/peers/*.sh .ci/run || status=1
[ "$status" != 0 ] || echo "lint: clean"
exit "$status"
