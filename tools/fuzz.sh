#!/bin/sh
# Runs every fuzz target of a build folder for some seconds, as many at once as there are processors,
# from the seeds in tests/fuzz/corpus.
set -eu

fuzz() { # NAME FOLDER
    name=$1 folder=$2
    mkdir -p "$folder/corpus"
    set -- "$folder/corpus"
    [ ! -d "$here/tests/fuzz/corpus/$name" ] || set -- "$@" "$here/tests/fuzz/corpus/$name"
    [ ! -f "$here/tests/fuzz/$name.dict" ] || set -- "-dict=$here/tests/fuzz/$name.dict" "$@"
    (cd "$folder" && "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 "$@") >"$folder/log" 2>&1
}

report() { # NAME FOLDER
    if fuzz "$1" "$2"; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
        echo "ok    fuzz $name: $runs inputs in $seconds s"
        return
    fi
    echo "FAIL  fuzz $name"
    tail -60 "$folder/log"
    for input in "$folder"/crash-* "$folder"/leak-* "$folder"/timeout-* "$folder"/oom-*; do
        [ ! -f "$input" ] || {
            cp "$input" "$build/"
            echo "the input is kept: $build/$(basename "$input")"
        }
    done
    return 1
}

[ $# -eq 2 ] || [ $# -eq 4 ] || {
    echo "usage: tools/fuzz.sh BUILD SECONDS" >&2
    exit 2
}
here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd) seconds=$2
if [ $# -eq 4 ]; then # by itself, below: one target, in a folder of its own
    report "$4" "$3/$4"
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
for source in "$here"/tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    printf '%s\0' "${name#fuzz_}"
done >"$work/targets"
xargs -0 -n 1 -P "$(nproc)" "$here/tools/fuzz.sh" "$build" "$seconds" "$work" <"$work/targets" |
    tee "$work/said"
passed=$(grep -c '^ok    fuzz ' "$work/said") || true
failed=$(($(tr -cd '\0' <"$work/targets" | wc -c) - passed))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
