# Shared by the programs beside it: a request, and what is expected of its answer.
# Needs URL, the gateway's origin, and KEY, its master key. SIMULATOR is the upstream's origin.
set -euo pipefail
: "${URL:?}" "${KEY:?}" "${SIMULATOR:?}"

answers=$(mktemp -d)
trap 'rm -rf "$answers"' EXIT

# ask STATUS CURL-ARGUMENTS…: sends a request and expects a status; the body is then in $body, the head in $head.
ask() {
  local expected=$1 status
  shift
  status=$(curl --silent --show-error --max-time 30 --dump-header "$answers/head" --output "$answers/body" \
    --write-out '%{http_code}' "$@")
  head=$(tr -d '\r' <"$answers/head")
  body=$(cat "$answers/body")
  [ "$status" = "$expected" ] || fail "expected status $expected, got $status"
}

# has TEXT [PART]: expects a text in the body, or in another part.
has() {
  local part=${2-$body}
  case $part in *"$1"*) ;; *) fail "expected to find: $1" ;; esac
}

has_not() {
  local part=${2-$body}
  case $part in *"$1"*) fail "expected not to find: $1" ;; esac
}

# value EXPRESSION: a part of the body, which is JSON, as Python would index it: value '["error"]["type"]'.
value() {
  python3 -I -S -c 'import json, sys; print(eval("json.load(open(sys.argv[1]))" + sys.argv[2]))' "$answers/body" "$1"
}

# is EXPRESSION EXPECTED
is() {
  local actual
  actual=$(value "$1") || fail "the body has no $1"
  [ "$actual" = "$2" ] || fail "expected $1 to be $2, it is $actual"
}

fail() {
  printf '%s: line %s: %s\n--- head\n%s\n--- body\n%s\n' "$0" "${BASH_LINENO[1]}" "$1" "${head-}" "${body-}" >&2
  exit 1
}
