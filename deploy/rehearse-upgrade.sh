#!/usr/bin/env bash
# Rehearses an upgrade and the way back on a log of its own: what OLD wrote, NEW must read, replay and
# carry on, with every retry answered as before; and then OLD again, or it must refuse and change nothing.
#
#     deploy/rehearse-upgrade.sh OLD NEW [DATA]
#
# OLD and NEW are two builds of the program. DATA is a copy of a data folder that OLD wrote and nothing
# uses; it is written to. Without it OLD writes one. Everything is on loopback, and gone afterwards.
#
# Ends with 0 where every promise held, with 1 at the first that did not. A replay that comes out
# otherwise is one of these, unless REPLAY_MAY_DIFFER=1: read CHANGELOG.md, *Decisions*, whether it should.
set -euo pipefail

old=$(realpath "${1:?the program that wrote the log}")
new=$(realpath "${2:?the program to upgrade to}")
work=$(mktemp -d)
data=$work/data
[[ -z ${3:-} ]] || data=$(realpath "$3")
server=
address=

finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

fail() {
    printf 'NOT AS PROMISED: %s\n' "$1" >&2
    [[ ! -s $work/said ]] || tail -n 5 "$work/said" >&2
    exit 1
}

# Starts a program on the data; returns whether it serves.
try_serve() {
    local program=$1 flags=(--listen 127.0.0.1:0 --data "$data")
    # The log signs under the name that it has.
    [[ ! -s $data/version ]] || export CLEARLINE__DATA__ORIGIN=$(sed -n 2p "$data/version")
    # Without TLS a server that knows it must be told that it is a trial.
    if "$program" serve --help | grep -q -e '--dev'; then flags+=(--dev); fi
    : >"$work/out"
    "$program" serve "${flags[@]}" >"$work/out" 2>"$work/said" &
    server=$!
    until grep -q 'listening on' "$work/out"; do
        kill -0 "$server" 2>/dev/null || { server=; return 1; }
        sleep 0.1
    done
    address=127.0.0.1:$(sed -n 's/.*listening on .*:\([0-9]*\).*/\1/p' "$work/out" | head -1)
}

serve() {
    try_serve "$1" || fail "$2 does not start"
}

stop() {
    kill -TERM "$server"
    wait "$server" || fail "it did not stop well"
    server=
}

# Writes requests that are the same at every retry: some that are held, some that are asked about, and
# some that go.
requests() {
    local folder=$1 number id now
    mkdir "$folder"
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    for number in $(seq "$requests_each"); do
        id=$(cat /proc/sys/kernel/random/uuid)
        local amount=850.00 reference=RENT payee='Mrs A Landlady' times=24
        if ((number % 3 == 0)); then
            amount=3200.00 reference='LEGAL ADVICE' payee='J Harris' times=0
        elif ((number % 3 == 1)); then
            amount=240.00 reference="INVOICE $number" payee='Bright Builders Ltd' times=0
        fi
        cat >"$folder/$(printf %03d "$number").json" <<JSON
{
  "request_id": "$id", "payment_id": "rehearsal-$id", "request_time": "$now",
  "stage": "STAGE_AT_SUBMISSION", "can_ask": true,
  "transfer": {
    "rail": "RAIL_FASTER_PAYMENTS", "confirm_time": "$now",
    "amount": { "currency_code": "GBP", "value": "$amount" },
    "payer": {
      "customer_key": "rehearsal-$((number % 5))",
      "account": { "sort_code": "601613", "account_number": "3192681$((number % 5))" },
      "available_balance": { "currency_code": "GBP", "value": "3450.00" }
    },
    "payee": {
      "account": { "sort_code": "204514", "account_number": "1076$(printf %04d "$number")" },
      "name": "$payee", "times_paid": $times
    },
    "texts": { "reference": "$reference", "remittance": "will be refunded by cheque tomorrow" }
  }
}
JSON
    done
}

# Asks about every request of a folder, always as the OLD program asks: callers are not upgraded on the
# same day as the server.
ask() {
    "$old" screen --json --address "$address" "$1"/*.json >"$2" 2>"$work/said" || fail "no answers to $1"
    (($(wc -l <"$2") == requests_each)) || fail "another number of answers to $1"
}

# Asks again and compares with what was answered first.
ask_again() {
    ask "$1" "$work/again"
    cmp -s "$2" "$work/again" || {
        diff "$2" "$work/again" | cut -c1-300 | head -4 >&2
        fail "$3: a retry got another answer"
    }
    row "$3" "$requests_each retries, each answered as at first"
}

# Replays a data folder with a program.
replay() {
    if "$1" decisions replay "${3:-$data}" >"$work/said" 2>&1; then
        row "$2" "$(grep -m 1 'reached again' "$work/said")"
    elif [[ ${REPLAY_MAY_DIFFER:-} == 1 ]]; then
        row "$2" "$(grep -m 1 -E '^[0-9]+ came out otherwise' "$work/said"), which REPLAY_MAY_DIFFER=1 allows"
    else
        fail "$2: decisions come out otherwise; CHANGELOG.md says whether they should"
    fi
}

row() { printf '  %-42s %s\n' "$1" "$2"; }

# All of the log that is truth, to see whether it was touched.
digest() {
    (cd "$data" && find version log keys policies -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
}

requests_each=24
requests "$work/by-old"
requests "$work/by-new"
requests "$work/by-old-again"

echo "== OLD: $("$old" --version), sha256 $(sha256sum "$old" | cut -c1-12)"
serve "$old" OLD
ask "$work/by-old" "$work/answers-old"
row "asked" "$(grep -c ACTION_HOLD "$work/answers-old") held, $(grep -c ACTION_ALLOW "$work/answers-old") allowed"
ask_again "$work/by-old" "$work/answers-old" "OLD about its own"
stop

echo "== NEW: $("$new" --version), sha256 $(sha256sum "$new" | cut -c1-12)"
cp -a "$data" "$work/copy"
replay "$new" "NEW replays a copy of what OLD decided" "$work/copy"
serve "$new" NEW
row "opened" "$(grep -o '"log opened".*"entries":[0-9]*' "$work/said" | grep -o '[0-9]*$') entries"
ask_again "$work/by-old" "$work/answers-old" "NEW about what OLD decided"
sed 's/"value": "[0-9.]*" },$/"value": "1.00" },/' "$work/by-old/001.json" >"$work/another.json"
if "$old" screen --json --address "$address" "$work/another.json" >"$work/said" 2>&1; then
    fail "another transfer under an id of OLD's was answered"
fi
grep -q 'REQUEST_ID_REUSED' "$work/said" || fail "another transfer under an id of OLD's"
row "another transfer under an id of OLD's" "refused"
ask "$work/by-new" "$work/answers-new"
row "asked" "$(grep -c ACTION_HOLD "$work/answers-new") held, $(grep -c ACTION_ALLOW "$work/answers-new") allowed"
stop
replay "$new" "NEW replays all"

echo "== OLD again, on what NEW has written"
before=$(digest)
if try_serve "$old"; then
    ask_again "$work/by-old" "$work/answers-old" "OLD about its own"
    ask_again "$work/by-new" "$work/answers-new" "OLD about what NEW decided"
    ask "$work/by-old-again" "$work/answers-old-again"
    row "asked" "$(grep -c ACTION_HOLD "$work/answers-old-again") held"
    stop
    echo "== NEW again, on all of it"
    replay "$new" "NEW replays all"
    serve "$new" NEW
    ask_again "$work/by-old-again" "$work/answers-old-again" "NEW about what OLD decided since"
    stop
    echo "The way back is open: OLD carries on with what NEW wrote."
else
    row "it refuses" "$(tail -n 1 "$work/said" | cut -c1-200)"
    [[ $before == "$(digest)" ]] || fail "OLD refused, and changed the log"
    row "the log" "unchanged"
    echo "== NEW again"
    serve "$new" NEW
    ask_again "$work/by-new" "$work/answers-new" "NEW about its own"
    stop
    echo "The way back is shut: OLD cannot read what NEW wrote, says so, and leaves it as it is. Going back"
    echo "means the copy from before, without what was decided since: mend NEW instead."
fi
