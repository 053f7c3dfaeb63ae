#!/bin/sh
# Makes a token of a person, as a provider of OpenID Connect would, to try tokens with. Never for a real
# bank: the key that signs lies beside what it signed.
#
#     deploy/pki/make-test-token.sh FOLDER NAME [GROUP]
#
# FOLDER is one that make-test-authority.sh made. The first time, the provider's key is made and the settings
# there name it: start the server again then. NAME is the subject and the name of the file; GROUP is
# `fraud-analysts` where it is left out, which may read everything. Holds for an hour. Needs openssl 3.
set -eu

folder=${1:?say in which folder}
name=${2:?say whose}
group=${3:-fraud-analysts}
case "$name$group" in *[!a-z0-9-]*) echo "lower-case letters, digits and hyphens only" >&2; exit 1 ;; esac
umask 077
cd "$folder"

# What stands in a token and in a set of keys: base64 for addresses, without its filling.
base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

if [ ! -e provider.key ]; then
    openssl genpkey -algorithm ED25519 -out provider.key
    # The last 32 bytes of what is published are the key.
    x=$(openssl pkey -in provider.key -pubout -outform DER | tail -c 32 | base64url)
    printf '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"test","alg":"EdDSA","x":"%s"}]}\n' "$x" > provider.json
    cat >> clearline.toml <<END

[people]
issuer = "https://login.bank.example"
audience = "clearline"
keys = "$(pwd)/provider.json"
END
    cat >> access.toml <<END

[[caller]]
name = "fraud-analysts"
role = "fraud_analyst"
groups = ["fraud-analysts"]
END
    echo "tokens are in clearline.toml and access.toml now: start the server again"
fi

now=$(date +%s)
head=$(printf '{"alg":"EdDSA","typ":"JWT","kid":"test"}' | base64url)
body=$(printf '{"iss":"https://login.bank.example","aud":"clearline","sub":"%s","groups":["%s"],"iat":%s,"exp":%s}' \
    "$name" "$group" "$now" "$((now + 3600))" | base64url)
printf '%s.%s' "$head" "$body" > "$name.unsigned"
signature=$(openssl pkeyutl -sign -rawin -inkey provider.key -in "$name.unsigned" | base64url)
printf '%s.%s.%s\n' "$head" "$body" "$signature" > "$name.token"
rm "$name.unsigned"
echo "made for an hour: $folder/$name.token"
