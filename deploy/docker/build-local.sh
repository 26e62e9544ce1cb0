#!/usr/bin/env bash
# Builds the image of the Dockerfile beside this without a registry: from scratch, with this machine's Node 24,
# the libraries that it links, and the same files and settings otherwise. (Node brings the certificates of public
# authorities itself; NODE_EXTRA_CA_CERTS names a file with others.)
#   deploy/docker/build-local.sh [name]           default: localhost/millrace:local
# Needs buildah (apt-get install buildah) and the compiled packages (npm run setup). Prints the image's id.
# NODE_BINARY names another Node; STORAGE_ROOT keeps buildah's storage in that folder.
set -euo pipefail

name=${1:-localhost/millrace:local}
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
export BUILDAH_ISOLATION=chroot

fail() {
  echo "error: $1" >&2
  exit 1
}
command -v buildah >/dev/null || fail "buildah is missing; install it: apt-get install buildah"
node=${NODE_BINARY:-$(cd "$repository" && PATH="$repository/node_modules/.bin:$PATH" node -p process.execPath)}
node_version=$("$node" --version)
[[ $node_version == v24.* ]] || fail "$node is Node $node_version, and the image needs Node 24; set NODE_BINARY"

storage=(--storage-driver vfs)
if [ -n "${STORAGE_ROOT:-}" ]; then
  storage+=(--root "$STORAGE_ROOT/root" --runroot "$STORAGE_ROOT/run")
fi
build() { buildah "${storage[@]}" "$@"; }

work=$(mktemp -d)
root=$work/root
container=
cleanup() {
  if [ -n "$container" ]; then build rm "$container" >/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

"$here/assemble.sh" "$root"
mkdir "$work/owned"
mv "$root/data" "$work/owned/data"
install -D -m 755 "$node" "$root/usr/local/bin/node"
# Where the loader looks for them: at the paths that it found them at here.
ldd "$node" | grep -o '/[^ ]*' | while read -r library; do
  install -D -m 755 "$(readlink -f "$library")" "$root$library"
done
mkdir -p "$root/etc" "$root/proc" "$root/sys" "$root/dev"
install -d -m 1777 "$root/tmp"
cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/usr/sbin/nologin
millrace:x:10001:10001::/data:/usr/sbin/nologin
PASSWD
printf 'root:x:0:\nmillrace:x:10001:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

version=$(cd "$repository" && "$node" -p 'require("./packages/cli/package.json").version')
revision=$(git -C "$repository" rev-parse HEAD 2>/dev/null || echo unknown)
container=$(build from scratch)
build copy --quiet --chown 0:0 "$container" "$root" / >/dev/null
build copy --quiet --chown 10001:10001 "$container" "$work/owned" / >/dev/null
build config \
  --label org.opencontainers.image.title=millrace \
  --label "org.opencontainers.image.description=Coordinator, worker and command line of Millrace" \
  --label "org.opencontainers.image.version=$version" \
  --label "org.opencontainers.image.revision=$revision" \
  --env NODE_ENV=production --env HOME=/data \
  --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  --user 10001:10001 --workingdir /data --volume /data \
  --entrypoint '["/usr/local/bin/millrace"]' --cmd=--help \
  "$container"
build commit --quiet "$container" "$name"
