/** What a program needs to find its way on a machine: no addresses of ours, no credentials. */
const passedOn: ReadonlySet<string> = new Set([
  "HOME",
  "HOSTNAME",
  "LANG",
  "NODE_COMPILE_CACHE",
  "NODE_ENV",
  "NODE_EXTRA_CA_CERTS",
  "NODE_V8_COVERAGE",
  "PATH",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "TEMP",
  "TMP",
  "TMPDIR",
  "TZ",
]);

/**
 * Returns what the author's functions see as `process.env`: an allow-list, so that the credentials of
 * the worker (object store, TLS, tokens) are not handed to every job (SEC4), and what the operator
 * names besides. It is no wall: functions run as the worker's user and may read what that may.
 */
export function slotEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  passedNames: readonly string[],
): Readonly<Record<string, string>> {
  const names = new Set(passedNames);
  const isPassed = (name: string): boolean =>
    passedOn.has(name) || name.startsWith("LC_") || names.has(name);
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && isPassed(name) ? [[name, value] as const] : [],
    ),
  );
}
