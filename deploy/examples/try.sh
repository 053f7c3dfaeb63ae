#!/usr/bin/env bash
# Runs the example clients against a server, and through an outage of it.
#
#     deploy/examples/try.sh target/release/clearline
#
# What a language needs and this machine has not is named, and is a failure, unless the language is in
# CLEARLINE_SKIP, such as CLEARLINE_SKIP="node java". On Debian:
#
#     apt-get install python3-venv nodejs npm \
#         default-jdk-headless libgrpc-java libnetty-java libprotobuf-java libgoogle-common-protos-java \
#         libguava-java libgoogle-gson-java libperfmark-java libgeronimo-annotation-1.3-spec-java \
#         protobuf-compiler protobuf-compiler-grpc-java-plugin libprotobuf-dev
set -euo pipefail

program=$(realpath "${1:?the program, such as target/release/clearline}")
examples=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
server=
port=0

finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# Starts the server on the data and, from the second time on, the port that it had.
start_server() {
    local flags=(--listen "127.0.0.1:$port" --data "$work/data")
    # Without TLS a server that knows it must be told that it is a trial.
    if "$program" serve --help | grep -q -e '--dev'; then flags+=(--dev); fi
    : >"$work/server.out"
    "$program" serve "${flags[@]}" >"$work/server.out" 2>"$work/server.err" &
    server=$!
    until grep -q 'listening on' "$work/server.out"; do
        kill -0 "$server" 2>/dev/null || { cat "$work/server.err"; echo "the server did not start"; exit 1; }
        sleep 0.1
    done
    port=$(sed -n 's/.*listening on .*:\([0-9]*\).*/\1/p' "$work/server.out" | head -1)
}

stop_server() {
    kill -TERM "$server"
    wait "$server" || { echo "the server did not stop well: exit code $?"; exit 1; }
    server=
}

# Says whether a language is wanted; ends where what it needs is not here.
wanted() {
    local language=$1
    shift
    if [[ " ${CLEARLINE_SKIP:-} " == *" $language "* ]]; then
        echo "== $language: SKIPPED, as CLEARLINE_SKIP says"
        return 1
    fi
    for needed in "$@"; do
        # A path is a file, any other word a command.
        if ! [[ $needed == /* && -e $needed ]] && ! command -v "$needed" >/dev/null; then
            echo "$language: \`$needed\` is not on this machine; the head of $0 says where it comes from." >&2
            echo "$language: CLEARLINE_SKIP=\"$language\" leaves it out." >&2
            exit 1
        fi
    done
    echo "== $language"
}

# Runs a client three times: with a server, without one, and while one comes back.
try() {
    start_server
    "$@" "127.0.0.1:$port"
    stop_server
    "$@" "127.0.0.1:$port" --only outage

    : >"$work/patient"
    "$@" "127.0.0.1:$port" --only patient >"$work/patient" 2>&1 &
    local client=$!
    until grep -q 'no answer yet' "$work/patient"; do
        kill -0 "$client" 2>/dev/null || break
        sleep 0.1
    done
    start_server
    wait "$client" || { cat "$work/patient"; exit 1; }
    cat "$work/patient"
    stop_server
}

tried=0
if wanted python python3; then
    cd "$examples/python"
    [[ -x venv/bin/python ]] || python3 -m venv venv
    venv/bin/pip install --quiet --requirement requirements.txt
    mkdir -p generated
    venv/bin/python -m grpc_tools.protoc -I ../../../proto \
        --python_out=generated --grpc_python_out=generated clearline/screening/v1/screening.proto
    try venv/bin/python client.py
    tried=$((tried + 1))
fi

if wanted node node npm; then
    cd "$examples/node"
    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
    try node client.js
    tried=$((tried + 1))
fi

jars=()
for jar in grpc-{api,context,core,netty,protobuf,protobuf-lite,stub} guava gson protobuf \
    proto-google-common-protos perfmark-{api,impl} \
    netty-{buffer,codec,codec-http,codec-http2,common,handler,resolver,transport} geronimo-annotation-1.3-spec; do
    jars+=("/usr/share/java/$jar.jar")
done
if wanted java javac protoc grpc_java_plugin /usr/include/google/protobuf/timestamp.proto "${jars[@]}"; then
    cd "$examples/java"
    mkdir -p "$work/java/code" "$work/java/classes"
    protoc -I ../../../proto --java_out="$work/java/code" \
        --plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" \
        --grpc-java_out="$work/java/code" clearline/screening/v1/screening.proto
    find src "$work/java/code" -name '*.java' >"$work/java/files"
    path=$(IFS=:; echo "${jars[*]}")
    javac -nowarn -proc:none -d "$work/java/classes" -cp "$path" @"$work/java/files"
    try java -cp "$work/java/classes:$path" bank.Client
    tried=$((tried + 1))
fi

if ((tried > 0)); then
    # Whatever the clients went through, every decision can be reached again.
    "$program" decisions replay "$work/data"
fi
echo "$tried passed, 0 failed"
