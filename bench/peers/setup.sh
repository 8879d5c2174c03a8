#!/bin/sh
# Throw-away environments with the peers, built on and for this machine. What is there is left alone.
set -eu

usage() {
    cat <<'EOF'
usage: bench/peers/setup.sh FOLDER [native] [avx2] [onnx] [torch] [embed]     (all five, unless some are named)

  native   llama.cpp (llama-cpp-python), compiled with all instructions this processor has
  avx2     the same, compiled without anything beyond AVX2, FMA, F16C and BMI2
  onnx     ONNX Runtime, and what writing a graph from a GGUF file needs
  torch    PyTorch and transformers
  embed    PyTorch, sentence-transformers and ONNX Runtime

Each becomes a virtual environment in FOLDER. Compiling takes minutes; PyTorch takes 6 GB of disk, unless
pip is configured for an index of builds without CUDA. pip's own settings (index, proxy, certificates) apply.
EOF
}

numpy=numpy==2.4.6
gguf=gguf==0.19.0
llama_version=0.3.36

say() {
    printf 'peers: %s\n' "$*" >&2
}

# Keeps an environment whose list of packages is the one that is asked for.
environment() { # NAME PACKAGE...
    name=$1
    shift
    [ "$(cat "$folder/$name/packages" 2>/dev/null)" != "$*" ] || return 0
    say "installing $* in $folder/$name"
    rm -rf "${folder:?}/$name"
    python3 -m venv "$folder/$name" || {
        say 'python3 -m venv failed; on Debian: apt-get install python3-venv'
        exit 1
    }
    nice -n 19 "$folder/$name/bin/pip" install -q --disable-pip-version-check "$@"
    printf '%s' "$*" >"$folder/$name/packages"
}

# pip's cache does not know the compiler's options, so wheels of different ones must not go through it.
llama_environment() { # NAME CMAKE-ARGUMENTS
    wheels=$folder/wheels/$1
    if [ -z "$(find "$wheels" -name "llama_cpp_python-$llama_version-*.whl" 2>/dev/null)" ]; then
        say "compiling llama.cpp ($2), which takes minutes"
        CMAKE_ARGS=$2 nice -n 19 python3 -m pip wheel -q --disable-pip-version-check --no-cache-dir --no-deps \
            --no-binary llama-cpp-python -w "$wheels" "llama-cpp-python==$llama_version"
    fi
    environment "$1" "$(find "$wheels" -name "llama_cpp_python-$llama_version-*.whl")" "$numpy"
}

case ${1:-} in
'' | -*)
    usage >&2
    exit 2
    ;;
esac
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- native avx2 onnx torch embed
for wanted in "$@"; do
    case $wanted in
    native) llama_environment native -DGGML_NATIVE=ON ;;
    avx2)
        llama_environment avx2 "-DGGML_NATIVE=OFF -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON \
-DGGML_BMI2=ON -DGGML_AVX512=OFF"
        ;;
    onnx) environment onnx onnxruntime==1.31.1 onnx==1.23.2 "$gguf" "$numpy" ;;
    torch) environment torch torch==2.15.0 transformers==5.23.0 accelerate==1.15.0 "$gguf" "$numpy" ;;
    embed)
        environment embed torch==2.15.0 transformers==5.23.0 sentence-transformers==6.2.0 \
            onnxruntime==1.31.1 onnx==1.23.2 "$numpy"
        ;;
    *)
        say "there is no environment '$wanted'"
        usage >&2
        exit 2
        ;;
    esac
done
