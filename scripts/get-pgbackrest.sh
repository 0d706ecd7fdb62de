#!/bin/bash
# get-pgbackrest.sh SUITE FOLDER   unpacks pgBackRest of Debian's SUITE into FOLDER
set -euo pipefail
. "$(dirname "$0")/unpack-debian.sh"

suite=$1 folder=$(realpath -m "$2")
unpack_packages "$suite" "$folder" pgbackrest "pgbackrest$"

mkdir -p "$folder/bin"
cp -P usr/bin/pgbackrest "$folder/bin/"
patch_programs "$folder" ../lib "$folder/bin/pgbackrest"
"$folder/bin/pgbackrest" version
