# shellcheck shell=sh
# Shell functions for the project's two commands, examples/elearning/run and tests/run (sourced, with the
# project's root as working directory): say what is done, install what is missing, build.

# Colours only on a terminal.
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi

say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# What the server is built from and runs on.
# shellcheck disable=SC2034
server_packages="build-essential cmake ninja-build pkg-config ccache ca-certificates
  libwebsockets-dev libuv1-dev libluajit-5.1-dev lua-cjson libjwt-dev libssl-dev libcurl4-openssl-dev
  zlib1g-dev libsqlite3-dev"

# Debian packages by name; asks nothing, does nothing when all are there.
need_packages() {
  missing=''
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  say "Installing packages:$missing"
  as_root=''
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing, and there is no sudo to install them with:$missing"
    as_root=sudo
  fi
  $as_root apt-get update -qq || die 'apt-get update failed'
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    die "apt-get could not install:$missing"
}

# Node.js with npm: what is on the PATH, or Debian's. 18.19 is the first whose test runner does what tests/run asks.
need_node() {
  if ! { command -v node && command -v npm; } >/dev/null; then
    need_packages nodejs npm
  fi
  node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor >= 1819 ? 0 : 1)' ||
    die "$(command -v node) is $(node --version); 18.19 or newer is needed"
}

# The npm packages of folders with a lock file, all at once, as it is the network that is slow; nothing to do
# while the lock file is the one installed.
need_npm() {
  installing=''
  for folder in "$@"; do
    cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" && continue
    say "Installing npm packages of $folder"
    (
      cd "$folder" && npm ci --no-audit --no-fund --loglevel=error || die "npm ci failed in $folder"
      cp package-lock.json node_modules/.installed
    ) &
    installing="$installing $!"
  done
  for pid in $installing; do wait "$pid" || return 1; done
}

# build DIR TARGETS CMAKE-OPTION…: configures and builds; prints the end of its log only when it fails.
build() {
  dir=$1 targets=$2
  shift 2
  mkdir -p "$dir"
  # shellcheck disable=SC2086
  if ! { cmake -G Ninja -S . -B "$dir" -DCMAKE_C_COMPILER_LAUNCHER=ccache "$@" && ninja -C "$dir" $targets; } >"$dir/build.log" 2>&1; then
    tail -n 60 "$dir/build.log" >&2
    die "the build in $dir failed; the whole log is $dir/build.log"
  fi
}
