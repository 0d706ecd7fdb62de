#!/bin/bash
# get-postgres.sh MAJOR SUITE FOLDER   unpacks PostgreSQL MAJOR (server, client tools, contrib) into FOLDER
# get-postgres.sh relocate FOLDER      makes FOLDER work after it was moved or copied
#
# The packages are Debian's own of SUITE, with their libraries and their loader, so that they run beside an older (or newer) libc.
# Needs apt and dpkg on x86-64 or arm64 and a Debian mirror in /etc/apt (or in DEB_URI); needs no root, installs nothing, and
# leaves the system's package state alone. apt checks the signatures against Debian's archive keyring.
set -euo pipefail

case "$(uname -m)" in
  x86_64) triple=x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
  aarch64) triple=aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
  *) echo "no packages for $(uname -m)" >&2; exit 1 ;;
esac

# The loader's path in a program is absolute; the libraries' is relative to the program.
patch_programs() {
  local libraries=$1/lib/$triple program
  for program in "$1"/lib/postgresql/*/bin/*; do
    if [ "$(head -c4 "$program" | tail -c3)" = ELF ]; then
      "$libraries/$loader" --library-path "$libraries" "$libraries/patchelf" \
        --set-interpreter "$libraries/$loader" --force-rpath --set-rpath "\$ORIGIN/../../../$triple" "$program"
    fi
  done
}

if [ "$1" = relocate ]; then
  patch_programs "$(realpath "$2")"
  exit
fi

major=$1 suite=$2 folder=$(realpath -m "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ ! -r "$keyring" ]; then
  echo "'$keyring' is missing: apt-get install debian-archive-keyring" >&2
  exit 1
fi
mirror=${DEB_URI:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null |
  grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1 | tr -d ' ' || true)}
mirror=${mirror:-https://deb.debian.org/debian}

# apt with a state of its own. Its empty list of installed packages makes it resolve everything, libc included.
mkdir -p "$work"/{state/lists,cache/archives}/partial "$work/debs"
: > "$work/status"
echo "deb [signed-by=$keyring] $mirror $suite main" > "$work/sources.list"
cat > "$work/apt.conf" <<CONF
#clear APT::Update;
#clear DPkg::Post-Invoke;
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Acquire::Languages "none";
Acquire::Retries "5";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
quiet "2";
CONF
own_apt() { apt-get -c "$work/apt.conf" "$@"; }

cd "$work/debs"
own_apt update
# PostgreSQL and the libraries it needs; no Perl, no LLVM (the server runs without its just-in-time compiler), no service files.
packages=$(own_apt -s install "postgresql-$major" patchelf | awk '/^Inst /{print $2}' |
  grep -E "^(lib|zlib1g$|patchelf$|postgresql-(client-)?$major$)" |
  grep -vE -- '^lib(llvm|z3|perl)|-perl$|-modules|-common$|^libc-')
# shellcheck disable=SC2086 # one word a package
own_apt download $packages
for deb in *.deb; do dpkg -x "$deb" "$work/root"; done

libraries=$folder/lib/$triple
mkdir -p "$libraries" "$folder"/{lib,share}/postgresql
cd "$work/root"
for place in "lib/$triple" "usr/lib/$triple" lib usr/lib lib64 usr/lib64; do
  if [ -d "$place" ]; then
    find "$place" -maxdepth 1 \( -name '*.so.*' -o -name '*.so' \) -exec cp -Pn {} "$libraries" \;
  fi
done
cp usr/bin/patchelf "$libraries"
mv "usr/lib/postgresql/$major" "$folder/lib/postgresql/"
mv "usr/share/postgresql/$major" "$folder/share/postgresql/"
rm -rf "$folder/lib/postgresql/$major/lib"/{bitcode,llvmjit*}
patch_programs "$folder"
ln -sfn "lib/postgresql/$major/bin" "$folder/bin"
for tool in postgres psql pg_dump; do "$folder/bin/$tool" --version; done
