# To be sourced: unpacks Debian's own packages of any suite into a folder, with their libraries and their loader, so that they run beside
# an older (or newer) libc.
#
# Needs apt and dpkg on x86-64 or arm64 and a Debian mirror in /etc/apt (or in DEB_URI); needs no root, installs nothing, and
# leaves the system's package state alone. apt checks the signatures against Debian's archive keyring.

case "$(uname -m)" in
  x86_64) triple=x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
  aarch64) triple=aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
  *) echo "no packages for $(uname -m)" >&2; exit 1 ;;
esac

# patch_programs FOLDER LIBRARIES PROGRAM…: the loader's path in a program is absolute; that of the libraries is relative to the program.
patch_programs() {
  local libraries=$1/lib/$triple relative=$2 program
  shift 2
  for program in "$@"; do
    if [ ! -L "$program" ] && [ "$(head -c4 "$program" | tail -c3)" = ELF ]; then
      "$libraries/$loader" --library-path "$libraries" "$libraries/patchelf" \
        --set-interpreter "$libraries/$loader" --force-rpath --set-rpath "\$ORIGIN/$relative/$triple" "$program"
    fi
  done
}

# unpack_packages SUITE FOLDER PACKAGE PATTERN: the package and what it needs, as far as names match the pattern, to $work/root; libraries
# go to the folder. Makes $work, which is removed at the end.
unpack_packages() {
  local suite=$1 folder=$2 package=$3 pattern=$4 libraries=$2/lib/$triple place deb
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT

  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  if [ ! -r "$keyring" ]; then
    echo "'$keyring' is missing: apt-get install debian-archive-keyring" >&2
    exit 1
  fi
  local mirror=${DEB_URI:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null |
    grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1 | tr -d ' ' || true)}
  mirror=${mirror:-https://deb.debian.org/debian}

  # apt with a state of its own. Its empty list of installed packages makes it resolve everything, libc included.
  mkdir -p "$work"/{state/lists,cache/archives}/partial "$work"/{debs,root}
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
  cd "$work/debs"
  apt-get -c "$work/apt.conf" update
  # No Perl, no LLVM, no service files and no configuration programs.
  local packages
  packages=$(apt-get -c "$work/apt.conf" -s install "$package" patchelf | awk '/^Inst /{print $2}' |
    grep -E "^(lib|zlib1g$|patchelf$|$pattern)" |
    grep -vE -- '^lib(llvm|z3|perl)|-perl$|-modules|-common$|^libc-')
  # shellcheck disable=SC2086 # one word a package
  apt-get -c "$work/apt.conf" download $packages
  for deb in *.deb; do dpkg -x "$deb" "$work/root"; done

  mkdir -p "$libraries"
  cd "$work/root"
  for place in "lib/$triple" "usr/lib/$triple" lib usr/lib lib64 usr/lib64; do
    if [ -d "$place" ]; then
      find "$place" -maxdepth 1 \( -name '*.so.*' -o -name '*.so' \) -exec cp -Pn {} "$libraries" \;
    fi
  done
  cp usr/bin/patchelf "$libraries"
}
