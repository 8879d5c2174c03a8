#!/bin/sh
# Installs what building precis needs (Debian and its relatives), then fetches models.
set -eu

usage() {
    cat <<'EOF'
usage: tools/setup.sh [--dev] [--onnx] [MODEL...]

Installs the missing Debian packages, with sudo where the user is not root, gets the grammars of
programming languages (tools/fetch-grammars.sh) and fetches the models (tools/fetch-model.sh --list). What is there is left alone; with everything there no network is used.
--dev: also what `make asan tsan fuzz-quick coverage lint` need, WordNet for METEOR, the shells that
tests let read their completions, and --onnx.
--onnx: also what ONNX models need (tools/fetch-onnxruntime.sh); without it precis builds and runs, but
refuses them.
EOF
}

build='gcc libc6-dev make meson ninja-build pkg-config python3 ca-certificates
    libdnnl-dev libpcre2-dev libjansson-dev libcmocka-dev libssl-dev libcurl4-openssl-dev
    libsqlite3-dev'
# Without it precis builds and makes no graphs: searches of many vectors compare all of them.
graphs='g++ libhnswlib-dev'
dev='git clang llvm libclang-rt-14-dev libomp-dev clang-tidy clang-format gcovr shellcheck util-linux
    wordnet-base zsh fish'

say() {
    printf 'setup: %s\n' "$*" >&2
}

die() {
    say "$@"
    exit 1
}

has_pip() { # PYTHON
    "$1" -m pip --version >/dev/null 2>&1
}

missing_packages() { # PACKAGE...
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
        ?i*) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

apt() {
    if [ "$(id -u)" = 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get "$@"
    elif command -v sudo >/dev/null; then
        sudo -E env DEBIAN_FRONTEND=noninteractive apt-get "$@"
    else
        die "missing: $missing- run this as root, or install sudo"
    fi
}

install_missing() {
    [ -n "$missing" ] || return 0
    say "installing: $missing"
    apt update -q >&2 || say "apt-get update failed; trying with the lists that are here"
    # shellcheck disable=SC2086 # the packages are words
    apt install -y -q --no-install-recommends $missing >&2 </dev/null ||
        die "apt-get could not install: $missing"
}

wanted="$build $graphs" onnx=
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --dev)
        wanted="$wanted $dev"
        onnx=1
        ;;
    --onnx) onnx=1 ;;
    -*)
        usage >&2
        exit 2
        ;;
    *) break ;;
    esac
    shift
done

python=${PYTHON:-python3}
if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    # Any pip will do, whoever installed it; if there is none, Debian's belongs to Debian's Python.
    if [ -n "$onnx$*" ] && ! has_pip "$python"; then
        python=/usr/bin/python3
        has_pip "$python" || wanted="$wanted python3-pip"
    fi
    # shellcheck disable=SC2086 # the packages are words
    missing=$(missing_packages $wanted)
    install_missing
else
    say "this is no Debian: install by hand what these packages hold: $wanted"
fi
# npm is hundreds of packages, so it is installed only to get the grammars, and nothing depends on it.
grammars=$(dirname "$0")/fetch-grammars.sh
if ! "$grammars" --check; then
    if ! command -v npm >/dev/null && command -v apt-get >/dev/null; then
        (missing=npm && install_missing) || true
    fi
    "$grammars" || say "source files will be cut by lines only; everything else works"
fi
if [ -n "$onnx" ]; then
    PYTHON=$python "$(dirname "$0")/fetch-onnxruntime.sh" ||
        say "ONNX models will not run; everything else does"
fi
[ $# -eq 0 ] || PYTHON=$python "$(dirname "$0")/fetch-model.sh" "$@"
