#!/bin/sh
# Gets tree-sitter and its grammars and compiles them, once, into one library that every build links.
set -eu

usage() {
    cat <<'EOF'
usage: tools/fetch-grammars.sh [--check]     (--check: only say by the exit status whether all is there)

Downloads what tools/grammars/package-lock.json names (C sources in npm packages, compared with the
SHA-512 there; nothing of them is run) and compiles it with $CC (cc) into
third_party/tree-sitter/libgrammars.a, with tree_sitter/api.h and the licences beside it. What is there, of this
lock file, is left alone. precis builds without it too; then it knows no syntax trees.
EOF
}

# In the order of compile time, longest first, so that the cores end together.
grammars='c-sharp cpp ruby typescript/typescript typescript/tsx bash rust php/php javascript python
    c java go'

say() {
    printf 'fetch-grammars: %s\n' "$*" >&2
}

die() {
    say "$@"
    exit 1
}

compile() { # SOURCE OBJECT OPTION...
    source=$1 object=$2
    shift 2
    "${CC:-cc}" -w -fPIC -std=gnu11 -DNDEBUG "$@" -c "$source" -o "$objects/$object.o"
}

compile_grammar() { # NAME, or "runtime"; $modules and $objects are folders
    if [ "$1" = runtime ]; then
        lib=$modules/tree-sitter/vendor/tree-sitter/lib
        compile "$lib/src/lib.c" runtime -O2 -D_GNU_SOURCE -I"$lib/include" -I"$lib/src"
        return
    fi
    case $1 in
    */*) folder=$modules/tree-sitter-${1%%/*}/${1#*/}/src ;;
    *) folder=$modules/tree-sitter-$1/src ;;
    esac
    name=$(echo "$1" | tr / _)
    # A parser is tables and a switch: see the compile times of -O2 in the commit that added this.
    compile "$folder/parser.c" "${name}_parser" -O1 -I"$folder"
    [ ! -f "$folder/scanner.c" ] || compile "$folder/scanner.c" "${name}_scanner" -O2 -I"$folder" \
        -DTREE_SITTER_REUSE_ALLOCATOR -include "$here/prelude.h"
}

here=$(cd "$(dirname "$0")/grammars" && pwd)
check=
case $#${1:-} in
0) ;;
2--compile) # from xargs, below
    compile_grammar "$2"
    exit
    ;;
1--check) check=1 ;;
1-h | 1--help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

third_party=$here/../../third_party
target=$third_party/tree-sitter
stamp=$(cat "$here/package-lock.json" "$here/prelude.h" "$0" | sha256sum | cut -d' ' -f1)
if [ -f "$target/libgrammars.a" ] && [ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
[ -z "$check" ] || exit 1
command -v npm >/dev/null || die "npm is missing (Debian: npm)"
mkdir -p "$third_party"
work=$(mktemp -d "$third_party/new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

mkdir -p "$work/npm" "$work/objects" "$work/new/licences" "$work/new/tree_sitter"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$work/npm"
say "downloading tree-sitter and its grammars"
(cd "$work/npm" && npm ci --ignore-scripts --loglevel=error) >&2 </dev/null ||
    die "npm could not download the grammars"

modules=$work/npm/node_modules objects=$work/objects
export modules objects
say "compiling them (a minute of processor time)"
# shellcheck disable=SC2086 # the grammars are words
printf '%s\n' $grammars runtime |
    xargs -n 1 -P "$(getconf _NPROCESSORS_ONLN)" "$0" --compile || die "the grammars do not compile"

for package in "$modules"/tree-sitter*; do
    cp "$package/LICENSE" "$work/new/licences/$(basename "$package")"
done
cp "$modules/tree-sitter/vendor/tree-sitter/lib/include/tree_sitter/api.h" "$work/new/tree_sitter"
ar rcs "$work/new/libgrammars.a" "$objects"/*.o
printf '%s\n' "$stamp" >"$work/new/stamp"
rm -rf "$target"
mv "$work/new" "$target"
say "third_party/tree-sitter/libgrammars.a: $(du -h "$target/libgrammars.a" | cut -f1)"
