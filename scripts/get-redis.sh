#!/bin/bash
# get-redis.sh NAME SUITE FOLDER   unpacks Redis or Valkey (NAME: redis, valkey), server and client tools, of Debian's SUITE into FOLDER
set -euo pipefail
. "$(dirname "$0")/unpack-debian.sh"

name=$1 suite=$2 folder=$(realpath -m "$3")
unpack_packages "$suite" "$folder" "$name-server" "$name-"

mkdir -p "$folder/bin"
cp -P usr/bin/"$name"-* "$folder/bin/"
patch_programs "$folder" ../lib "$folder"/bin/*
for tool in server cli; do "$folder/bin/$name-$tool" --version; done
