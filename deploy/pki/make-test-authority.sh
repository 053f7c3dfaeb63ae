#!/bin/sh
# Makes a test authority and one certificate of each kind, to try TLS with. Never for a real bank: the
# authority's key lies beside what it signed.
#
#     deploy/pki/make-test-authority.sh FOLDER
#
# The folder must not be there yet. Needs openssl 3.
set -eu

folder=${1:?say into which folder}
umask 077
mkdir "$folder"
cd "$folder"

cat > openssl.cnf <<'END'
[ca]
default_ca = test
[test]
database         = index.txt
serial           = serial
crlnumber        = crlnumber
new_certs_dir    = .
certificate      = ca.pem
private_key      = ca.key
default_md       = sha256
default_crl_days = 3650
policy           = any
copy_extensions  = none
unique_subject   = no
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage         = critical, keyCertSign, cRLSign
[server]
extendedKeyUsage = serverAuth
subjectAltName   = DNS:localhost, IP:127.0.0.1, IP:::1
[payments]
extendedKeyUsage = clientAuth
subjectAltName   = URI:spiffe://bank.example/payments/faster
[analyst]
extendedKeyUsage = clientAuth
subjectAltName   = URI:spiffe://bank.example/people/analyst
[stranger]
extendedKeyUsage = clientAuth
subjectAltName   = DNS:stranger.bank.example
END
: > index.txt
echo 1000 > serial
echo 1000 > crlnumber

key() {
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
}

# Makes the certificate $1 with the names of section $2, from $3 until $4.
leaf() {
    key "$1"
    openssl req -new -config openssl.cnf -key "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
    openssl ca -batch -notext -config openssl.cnf -extensions "$2" -startdate "$3" -enddate "$4" \
        -in "$1.csr" -out "$1.pem" 2>/dev/null
    rm "$1.csr"
}

key ca
openssl req -x509 -new -config openssl.cnf -extensions authority -key ca.key -subj '/CN=Test authority' \
    -days 3650 -out ca.pem

from=20200101000000Z
until=$(($(date -u +%Y) + 9))0101000000Z
leaf server server "$from" "$until"
leaf payments payments "$from" "$until"
leaf analyst analyst "$from" "$until"
leaf stranger stranger "$from" "$until"
leaf expired payments "$from" 20210101000000Z
leaf revoked payments "$from" "$until"
openssl ca -config openssl.cnf -revoke revoked.pem 2>/dev/null
openssl ca -config openssl.cnf -gencrl -out crl.pem 2>/dev/null

key self-signed
openssl req -x509 -new -config openssl.cnf -extensions payments -key self-signed.key \
    -subj '/CN=self-signed' -days 3650 -out self-signed.pem

cat > access.toml <<'END'
schema = 1

[[role]]
name = "payment_system"
rights = ["screen", "report"]
sees = "own"

[[role]]
name = "fraud_analyst"
rights = ["read", "read_personal", "approve"]
sees = "all"

[[caller]]
name = "faster-payments"
role = "payment_system"
spiffe = ["spiffe://bank.example/payments/faster"]

[[caller]]
name = "analyst"
role = "fraud_analyst"
spiffe = ["spiffe://bank.example/people/analyst"]
END

here=$(pwd)
cat > clearline.toml <<END
[tls]
certificate = "$here/server.pem"
key = "$here/server.key"
client_ca = "$here/ca.pem"
client_crl = "$here/crl.pem"

[access]
file = "$here/access.toml"

[data]
folder = "$here/data"
END

rm -f ./*.old ./*.attr 10*.pem
echo "made in $here: clearline serve --config $here/clearline.toml"
