#!/bin/sh
# Gets what ONNX models need: ONNX Runtime's C header, to build with, and its library, to run with.
set -eu

usage() {
    cat <<'EOF'
usage: tools/fetch-onnxruntime.sh [--header] [--library]     (both, unless one is named)

--header   onnxruntime_c_api.h from Debian's libonnxruntime-dev into third_party/onnxruntime, unless
           pkg-config knows a libonnxruntime. The package is of the suite trixie; the mirror is the one
           that this machine's apt uses, and its signatures are checked.
--library  libonnxruntime.so.1 from the Python package onnxruntime (x86-64) into
           $XDG_DATA_HOME/precis/lib (~/.local/share/precis/lib), where precis looks for it last.

Both are compared with the SHA-256 that they should have. What is there, whole, is left alone.
EOF
}

suite=trixie
header_hash=7783e9664bdb0b1b36145b5c8587dd1bc9a399aa000edf2e3dd03003cafc6882 # of 1.21.0
version=1.31.1
library_hash=fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3 # x86-64

say() {
    printf 'fetch-onnxruntime: %s\n' "$*" >&2
}

die() {
    say "$@"
    exit 1
}

hash_of() {
    sha256sum <"$1" | cut -d' ' -f1
}

whole() { # PATH SHA256
    [ -f "$1" ] && [ "$(hash_of "$1")" = "$2" ]
}

# apt-get on lists of its own, with the one suite.
apt_of_suite() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}

fetch_header() {
    folder=$(dirname "$0")/../third_party/onnxruntime
    if whole "$folder/onnxruntime_c_api.h" "$header_hash"; then
        say "the header is there: $folder"
        return
    fi
    if pkg-config --exists 'libonnxruntime >= 1.21' 2>/dev/null; then
        say "the system has the header"
        return
    fi
    # shellcheck disable=SC2016 # apt-get's own variables
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        grep -v -- '-security$' | head -n 1 | cut -d' ' -f1)
    [ -n "$mirror" ] || die "apt names no mirror: this is no Debian; install ONNX Runtime's header by hand"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$folder"
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    printf 'deb [signed-by=%s] %s %s main\n' "$keys" "$mirror" "$suite" >"$work/sources.list"
    apt_of_suite update >&2 || die "apt-get could not read the lists of $suite"
    (cd "$work" && apt_of_suite download libonnxruntime-dev) >&2 ||
        die "apt-get could not download libonnxruntime-dev of $suite"
    dpkg-deb -x "$work"/libonnxruntime-dev_*.deb "$work/unpacked"
    header=$(find "$work/unpacked" -name onnxruntime_c_api.h | head -n 1)
    [ -n "$header" ] || die "libonnxruntime-dev has no onnxruntime_c_api.h"
    whole "$header" "$header_hash" || die "onnxruntime_c_api.h has the SHA-256 $(hash_of "$header") instead of $header_hash"
    cp "$header" "$folder/onnxruntime_c_api.h.new"
    mv -f "$folder/onnxruntime_c_api.h.new" "$folder/onnxruntime_c_api.h"
    say "$folder/onnxruntime_c_api.h, SHA-256 as expected"
}

fetch_library() {
    case ${XDG_DATA_HOME:-} in
    /*) folder=$XDG_DATA_HOME/precis/lib ;;
    *) folder=${HOME:?is not set}/.local/share/precis/lib ;;
    esac
    if whole "$folder/libonnxruntime.so.1" "$library_hash"; then
        say "the library is there: $folder"
        return
    fi
    case $(uname -sm) in
    'Linux x86_64') ;;
    *) die "no library for $(uname -sm): install ONNX Runtime >= 1.21 and name it in PRECIS_ONNXRUNTIME" ;;
    esac
    say "downloading onnxruntime $version"
    "${PYTHON:-python3}" -m pip download --quiet --no-deps --no-cache-dir --only-binary :all: \
        --disable-pip-version-check --implementation cp --python-version 3.11 --abi cp311 \
        --platform manylinux_2_28_x86_64 -d "$work" "onnxruntime==$version" >&2 ||
        die "pip could not download onnxruntime $version"
    "${PYTHON:-python3}" - "$work"/onnxruntime-*.whl "$work/library" <<'EOF'
import re, shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = [n for n in wheel.namelist() if re.search(r"/libonnxruntime\.so[.\d]*$", n)]
    if len(names) != 1:
        sys.exit(f"{sys.argv[1]}: one library was expected, there are {len(names)}")
    with wheel.open(names[0]) as f, open(sys.argv[2], "wb") as out:
        shutil.copyfileobj(f, out, 1 << 20)
EOF
    whole "$work/library" "$library_hash" ||
        die "the library has the SHA-256 $(hash_of "$work/library") instead of $library_hash"
    mkdir -p "$folder"
    chmod 755 "$work/library"
    cp "$work/library" "$folder/libonnxruntime.so.1.new"
    mv -f "$folder/libonnxruntime.so.1.new" "$folder/libonnxruntime.so.1"
    say "$folder/libonnxruntime.so.1 ($version), SHA-256 as expected"
}

header='' library=''
for argument in "$@"; do
    case $argument in
    --header) header=1 ;;
    --library) library=1 ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
done
[ -n "$header$library" ] || header=1 library=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
[ -z "$header" ] || fetch_header
[ -z "$library" ] || fetch_library
