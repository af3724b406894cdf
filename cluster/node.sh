# Sourced by the examples beside it, which run one node. It and $folder go when the script ends, however it does.
PATH=$PWD/.build/release:$PATH
folder=$(mktemp -d)
trap finish EXIT

finish() {
    local status=$?
    trap '' HUP INT TERM
    kill $(jobs -p) 2>/dev/null || true
    wait
    if [ $status != 0 ] && [ -f "$folder/log" ]; then sed 's/^/the node: /' "$folder/log" >&2; fi
    rm -rf "$folder"
}

fail() {
    echo "$0: $1" >&2
    exit 1
}

# start PROGRAM OPTION...: runs the node.
start() {
    "$@" > "$folder/listening" 2> "$folder/log" &
    node=$!
}

# address WORD: HOST:PORT of the line 'WORD http=HOST:PORT' that the node writes when it is ready to answer.
address() {
    within 10 grep -qs "^$1 http=" "$folder/listening" || fail "the node does not listen"
    sed -n "s/^$1 http=\([^ ]*\).*/\1/p" "$folder/listening"
}

# stop: ends the node, which drains and must end well.
stop() {
    kill "$node"
    wait "$node" || fail "the node ended with exit status $?"
}

# within SECONDS COMMAND...: repeats the command until it succeeds; fails when the time is over.
within() {
    local end=$((SECONDS + $1))
    until "${@:2}"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.02
    done
}
