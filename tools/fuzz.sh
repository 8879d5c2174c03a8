#!/bin/sh
# Runs every fuzz target of a build folder for some seconds, from the seeds in tests/fuzz/corpus.
set -eu

[ $# -eq 2 ] || {
    echo "usage: tools/fuzz.sh BUILD SECONDS" >&2
    exit 2
}
build=$(cd "$1" && pwd) seconds=$2
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

fuzz_one() { # NAME
    name=$1
    mkdir -p "$work/$name/corpus"
    set -- "$work/$name/corpus"
    [ ! -d "$here/tests/fuzz/corpus/$name" ] || set -- "$@" "$here/tests/fuzz/corpus/$name"
    [ ! -f "$here/tests/fuzz/$name.dict" ] || set -- "-dict=$here/tests/fuzz/$name.dict" "$@"
    (cd "$work/$name" && "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 "$@") >"$work/$name/log" 2>&1
}

failed=0 passed=0
for source in "$here"/tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    name=${name#fuzz_}
    if fuzz_one "$name"; then
        passed=$((passed + 1))
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name/log")
        echo "ok    fuzz $name: $runs inputs in $seconds s"
    else
        failed=$((failed + 1))
        echo "FAIL  fuzz $name"
        tail -60 "$work/$name/log"
        for input in "$work/$name"/crash-* "$work/$name"/leak-* "$work/$name"/timeout-* \
            "$work/$name"/oom-*; do
            [ ! -f "$input" ] || {
                cp "$input" "$build/"
                echo "the input is kept: $build/$(basename "$input")"
            }
        done
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
