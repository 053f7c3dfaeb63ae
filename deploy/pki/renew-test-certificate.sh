#!/bin/sh
# Makes a certificate of the test authority anew, with a new key, and puts both in place of the old ones.
#
#     deploy/pki/renew-test-certificate.sh FOLDER [server|payments|analyst]
#
# Needs openssl 3 and a folder of `make-test-authority.sh`.
set -eu

folder=${1:?say in which folder}
name=${2:-server}
case $name in
    server | payments | analyst) ;;
    *) echo "there is no certificate of $name to renew: say server, payments or analyst" >&2; exit 64 ;;
esac
umask 077
cd "$folder"

openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key
openssl req -new -config openssl.cnf -key new.key -subj "/CN=$name" -out new.csr 2>/dev/null
openssl ca -batch -notext -config openssl.cnf -extensions "$name" -days 365 -in new.csr -out new.pem 2>/dev/null
# One behind the other: between them key and certificate do not belong together.
mv new.key "$name.key"
mv new.pem "$name.pem"
rm -f new.csr ./*.old ./*.attr 1???.pem
echo "renewed: $folder/$name.pem"
