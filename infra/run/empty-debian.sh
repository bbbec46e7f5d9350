#!/usr/bin/env bash
# Builds an empty Debian root (debootstrap, minbase) with nothing but Node and npm in it, copies a clean clone of this
# repository there, and runs a command in the clone: the proof that a start needs nothing of this machine.
#
#   sudo infra/run/empty-debian.sh [--base <file.tar>] [--keep] [command …]      default: npm run demo -- --check
#
# --base keeps the bare Debian system in a file, or takes it from there; --keep leaves the root for a look at it.
# Needs root, debootstrap, git, and a `node` with `npm` (20.19 or newer) on PATH, which are copied. Proxies, npm's registry
# and additional CAs of this machine are passed on while it runs. Mounts and processes live in namespaces of their own and
# end with the command. DEBIAN_MIRROR and DEBIAN_SUITE choose another mirror and release.
set -euo pipefail

suite=${DEBIAN_SUITE:-bookworm}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
base= keep=
while [ $# -gt 0 ]; do
  case $1 in
    --base) base=$2; shift 2 ;;
    --keep) keep=yes; shift ;;
    --) shift; break ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || set -- npm run demo -- --check

refuse() { echo "$1" >&2; exit 3; }
[ "$(id -u)" = 0 ] || refuse 'empty-debian.sh mounts and changes its root: run it as root.'
command -v debootstrap >/dev/null || refuse 'Missing: debootstrap (apt-get install debootstrap).'
repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
# The Node of the machine, not the one that npm put first on the path for its scripts.
PATH=$(tr ':' '\n' <<<"$PATH" | grep -v node_modules | paste -sd:)
node=$(readlink -f "$(command -v node)")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")

root=$(mktemp -d /var/tmp/empty-debian-XXXXXX)
chmod 755 "$root"
remove() {
  [ -n "$keep" ] && echo "Left for a look: $root" >&2 || rm -rf --one-file-system "$root"
}
trap remove EXIT

if [ -n "$base" ] && [ -e "$base" ]; then
  tar -xf "$base" -C "$root"
else
  echo "Building an empty Debian $suite" >&2
  debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail "$root.log" >&2; exit 1; }
  rm "$root.log"
  [ -z "$base" ] || tar -cf "$base" -C "$root" .
fi

# Node and npm, and nothing else.
install -D "$node" "$root/usr/local/bin/node"
mkdir -p "$root/usr/local/lib/node_modules"
cp -a "$npm" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"

# How this machine reaches the network.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
printf 'deb %s %s main\n' "$mirror" "$suite" >"$root/etc/apt/sources.list"
apt-config dump 2>/dev/null | grep -iE '^Acquire::(http|https)::(proxy|verify|caInfo)' >"$root/etc/apt/apt.conf.d/99network" || true
environment=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "TERM=${TERM:-dumb}")
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  [ -z "${!name:-}" ] || environment+=("$name=${!name}")
done
environment+=("npm_config_registry=$(npm config get registry --workspaces=false 2>/dev/null)")
authorities=$(npm config get cafile --workspaces=false 2>/dev/null)
[ -f "$authorities" ] || authorities=${NODE_EXTRA_CA_CERTS:-}
if [ -f "$authorities" ]; then
  cp -L "$authorities" "$root/etc/network-authorities.crt"
  environment+=(NODE_EXTRA_CA_CERTS=/etc/network-authorities.crt npm_config_cafile=/etc/network-authorities.crt)
fi

git clone --quiet --no-hardlinks "$repository" "$root/root/openemr-dmz-portal"
echo "In an empty Debian $suite, commit $(git -C "$repository" rev-parse --short HEAD): $*" >&2

status=0
unshare --mount --pid --fork --kill-child bash -c '
  set -euo pipefail
  root=$1; shift
  mount --make-rprivate /
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  exec chroot "$root" "$@"
' bash "$root" /usr/bin/env -i "${environment[@]}" bash -c '
  cd /root/openemr-dmz-portal
  status=0
  "$@" || status=$?
  # Whatever still runs here was left behind by the command or by the packages that it installed.
  left=$(readlink /proc/[0-9]*/exe | grep -E "mariadbd|redis|chrom|node$" || true)
  if [ -n "$left" ]; then
    echo "Left running: $left" >&2
    status=1
  fi
  exit "$status"
' bash "$@" || status=$?
echo "Ended with exit code $status" >&2
exit "$status"
