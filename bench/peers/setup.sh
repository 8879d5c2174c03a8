#!/bin/sh
# A throw-away environment with the peers, built for this machine. usage: bench/peers/setup.sh FOLDER
set -eu

[ $# -eq 1 ] || {
    echo 'usage: bench/peers/setup.sh FOLDER' >&2
    exit 2
}
folder=$1
[ ! -e "$folder/ready-1" ] || exit 0
echo "peers: building llama.cpp for this machine in $folder (minutes)" >&2
python3 -m venv "$folder" || {
    echo 'peers: python3 -m venv failed; on Debian: apt-get install python3-venv' >&2
    exit 1
}
CMAKE_ARGS=-DGGML_NATIVE=ON "$folder/bin/pip" install -q --no-binary llama-cpp-python \
    llama-cpp-python==0.3.36 numpy
touch "$folder/ready-1"
