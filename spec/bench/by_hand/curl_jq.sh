#!/bin/bash
# An update by hand with the programs curl and jq: curl_jq.sh ENDPOINT TOKEN COUNT
set -euo pipefail
url=$1/referrals/49d90c72-3326-4f61-aacc-2cb57970448c
token=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

update() {
  local etag substatus=Won
  [ $(($1 % 2)) -eq 0 ] || substatus=Lost
  curl --silent --fail --noproxy '*' --dump-header "$scratch/headers" --header 'Accept: application/json' \
    --header "Authorization: Bearer $token" --header "client-request-id: $(cat /proc/sys/kernel/random/uuid)" \
    --output "$scratch/referral" "$url"
  etag=$(sed -n 's/^[Ee][Tt][Aa][Gg]: *\(.*\)\r$/\1/p' "$scratch/headers")
  jq --compact-output --arg substatus "$substatus" \
    '.status = "Closed" | .substatus = $substatus | del(.links)' "$scratch/referral" >"$scratch/next"
  curl --silent --fail --noproxy '*' --request PUT --header 'Accept: application/json' \
    --header "Authorization: Bearer $token" --header "client-request-id: $(cat /proc/sys/kernel/random/uuid)" \
    --header 'Content-Type: application/json' --header "If-Match: $etag" --data-binary "@$scratch/next" "$url" \
    | jq --raw-output .eTag >"$scratch/written"
}

began=$(date +%s%N)
for number in $(seq "$3"); do
  update "$number"
done
took=$(($(date +%s%N) - began))
printf '%d.%09d\n' $((took / 1000000000)) $((took % 1000000000))
