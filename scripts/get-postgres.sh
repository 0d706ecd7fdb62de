#!/bin/bash
# get-postgres.sh MAJOR SUITE FOLDER   unpacks PostgreSQL MAJOR (server, client tools, contrib) into FOLDER
# get-postgres.sh relocate FOLDER      makes FOLDER work after it was moved or copied
set -euo pipefail
. "$(dirname "$0")/unpack-debian.sh"

relocate() {
  patch_programs "$1" ../../.. "$1"/lib/postgresql/*/bin/*
}

if [ "$1" = relocate ]; then
  relocate "$(realpath "$2")"
  exit
fi

major=$1 suite=$2 folder=$(realpath -m "$3")
# Without LLVM the server runs without its just-in-time compiler.
unpack_packages "$suite" "$folder" "postgresql-$major" "postgresql-(client-)?$major$"

mkdir -p "$folder"/{lib,share}/postgresql
mv "usr/lib/postgresql/$major" "$folder/lib/postgresql/"
mv "usr/share/postgresql/$major" "$folder/share/postgresql/"
rm -rf "$folder/lib/postgresql/$major/lib"/{bitcode,llvmjit*}
relocate "$folder"
ln -sfn "lib/postgresql/$major/bin" "$folder/bin"
for tool in postgres psql pg_dump; do "$folder/bin/$tool" --version; done
