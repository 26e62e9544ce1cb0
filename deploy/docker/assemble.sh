#!/usr/bin/env bash
# Writes what Millrace adds to an image into the folder $1: the compiled command with its production
# dependencies in /opt/millrace, `millrace` on the PATH, and the data folder. Needs the dependencies and the
# compiled packages (npm run setup). The versions are those of pnpm-lock.yaml; nothing is resolved anew.
set -euo pipefail

out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/../.."

main=packages/cli/dist/main.js
if [ ! -f "$main" ]; then
  echo "error: $main is missing; run 'npm run setup' first" >&2
  exit 1
fi

app=$out/opt/millrace
mkdir -p "$out/opt" "$out/usr/local/bin" "$out/data"
npx -y pnpm@12.21.0 --silent --filter @millrace/cli deploy --prod \
  --config.injectWorkspacePackages=true --config.nodeLinker=hoisted "$app" >&2

# Only the compiler and debuggers read these: 15 MB.
find "$app" -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete
rm -rf "$app/node_modules/@types" "$app/node_modules/.pnpm" "$app"/node_modules/.modules.yaml \
  "$app"/node_modules/.pnpm-workspace-state*.json "$app/pnpm-lock.yaml" "$app/pnpm-workspace.yaml"
find "$app" -type d -name .bin -prune -exec rm -rf {} +
find "$app" -type d -empty -delete

# Without a shell or /usr/bin/env in the image; it has no suffix, and so Node takes it for CommonJS.
cat >"$out/usr/local/bin/millrace" <<'WRAPPER'
#!/usr/local/bin/node
import("/opt/millrace/dist/main.js");
WRAPPER
chmod 755 "$out/usr/local/bin/millrace"
