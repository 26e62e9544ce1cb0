import { StreamError, type StreamErrorCode } from "@millrace/core";

import { describePlace, type S3Place } from "./s3-options.ts";
import { codeOf } from "./store-error.ts";

interface Meaning {
  readonly code: StreamErrorCode;
  /** What went wrong; and, behind `; `, what to do. */
  readonly says: string;
  readonly retry: "never" | "backoff";
}

const never = (code: StreamErrorCode, says: string): Meaning => ({ code, says, retry: "never" });
const later = (code: StreamErrorCode, says: string): Meaning => ({ code, says, retry: "backoff" });

const wrongCredentials = never(
  "access-denied",
  "refused the credentials; check the access key and its secret (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)",
);
const expired = never("access-denied", "says that the credentials expired; give it fresh ones");
const noRight = never(
  "access-denied",
  "does not allow it; give these credentials the right to list, get, put and delete below the prefix",
);
const full = never("out-of-space", "has no room left; free space or raise the quota");
const wrongRegion = never("bucket-not-found", "is in another region; set region in its URL");
const damaged = later("object-corrupt", "received other bytes than were sent");
const tooBusy = later("unavailable", "asks for fewer requests");
const broken = later("unavailable", "failed; look at the server's log if it stays so");

/** By the name that the server gives an error; a HEAD has no body and so no name. */
const byName: ReadonlyMap<string, Meaning> = new Map([
  ["AccessDenied", noRight],
  ["AllAccessDisabled", noRight],
  ["AuthorizationHeaderMalformed", wrongRegion],
  ["BadDigest", damaged],
  ["BucketQuotaExceeded", full],
  ["ExpiredToken", expired],
  ["ExpiredTokenException", expired],
  ["IllegalLocationConstraintException", wrongRegion],
  ["IncompleteBody", later("unavailable", "received only a part of the body")],
  ["InsufficientCapacity", full],
  ["InvalidAccessKeyId", wrongCredentials],
  ["InvalidToken", wrongCredentials],
  [
    "MethodNotAllowed",
    never("access-denied", "is read-only for this; check what is mounted there"),
  ],
  ["NoSpaceLeft", full],
  ["NoSuchUpload", later("unavailable", "no longer has the parts of this upload")],
  ["NoSuchBucket", never("bucket-not-found", "does not exist; make it or correct its name")],
  ["PermanentRedirect", wrongRegion],
  ["QuotaExceeded", full],
  ["QuotaExceededException", full],
  [
    "RequestTimeTooSkewed",
    never("access-denied", "finds that the clocks differ; set this machine's"),
  ],
  ["RequestTimeout", later("unavailable", "waited too long for the body")],
  ["ServiceQuotaExceededException", full],
  ["SignatureDoesNotMatch", wrongCredentials],
  ["SlowDown", tooBusy],
  ["StorageFull", full],
  ["TokenRefreshRequired", expired],
  // versitygw, with status 404.
  ["XAdminUserNotFound", wrongCredentials],
  ["XAmzContentChecksumMismatch", damaged],
  ["XAmzContentSHA256Mismatch", damaged],
  ["XMinioStorageFull", full],
]);

const byStatus: ReadonlyMap<number, Meaning> = new Map([
  [301, wrongRegion],
  [307, wrongRegion],
  [401, wrongCredentials],
  [403, noRight],
  [404, later("unavailable", "is not known there; check the endpoint and what stands before it")],
  [408, later("unavailable", "waited too long for the request")],
  [409, later("unavailable", "met another change of the same object")],
  [429, tooBusy],
  [501, never("unavailable", "does not know this call; see which S3 servers fit in the docs")],
  [503, tooBusy],
  [507, full],
]);

const certificate = never(
  "tls-failed",
  "shows a certificate that is not trusted; check its dates, its name, and the authority (NODE_EXTRA_CA_CERTS)",
);
const notTls = never("tls-failed", "does not speak TLS there; check http or https in the endpoint");
const notFound = later("unavailable", "has a host name that cannot be found; check the endpoint");
const hungUp = later(
  "unavailable",
  "closed the connection; if it stays so, check http or https in the endpoint",
);
const unreachable = later(
  "unavailable",
  "cannot be reached; check the endpoint and that the server runs",
);

/** By the code of the operating system or of Node. */
const bySystemCode: ReadonlyMap<string, Meaning> = new Map([
  ["CERT_HAS_EXPIRED", certificate],
  ["CERT_NOT_YET_VALID", certificate],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", certificate],
  ["EAI_AGAIN", notFound],
  ["ECONNREFUSED", unreachable],
  ["ECONNRESET", hungUp],
  ["EHOSTUNREACH", unreachable],
  ["ENETUNREACH", unreachable],
  ["ENOTFOUND", notFound],
  ["EPIPE", hungUp],
  ["EPROTO", notTls],
  ["ERR_SSL_WRONG_VERSION_NUMBER", notTls],
  ["ERR_TLS_CERT_ALTNAME_INVALID", certificate],
  ["ETIMEDOUT", unreachable],
  ["SELF_SIGNED_CERT_IN_CHAIN", certificate],
  ["UNABLE_TO_GET_ISSUER_CERT", certificate],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", certificate],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", certificate],
]);

const noCredentials = never(
  "access-denied",
  "cannot be used: no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or another source of the AWS default chain",
);
const notS3 = later("unavailable", "answered with what is not S3; check the endpoint");

/**
 * Returns what a failed call to S3 means, as a StreamError that says what failed, where, and what to
 * do. The server's own text stays out of the message: it may carry what was signed. A StreamError is
 * returned as it is.
 */
export function toS3Error(what: string, place: S3Place, caught: unknown): StreamError {
  if (caught instanceof StreamError) return caught;
  const { meaning, detail } = explain(caught);
  const message = `object store: ${what} failed: ${describePlace(place)} ${insert(meaning.says, detail)}`;
  return new StreamError(meaning.code, message, {
    domain: "external",
    retry: meaning.retry,
    cause: withoutFields(caught),
  });
}

/**
 * Returns whether a failed GET says that there is no such object. Only S3's own word counts, not the
 * 404 of a proxy before it, which the SDK calls NotFound: a job whose segment is missing is over.
 */
export function isNoSuchKey(caught: unknown): boolean {
  return nameOf(caught) === "NoSuchKey";
}

/** Returns whether a failed HEAD says 404, which may mean the object, the bucket, or a proxy. */
export function isNotFound(caught: unknown): boolean {
  return statusOf(caught) === 404;
}

/** Returns whether a failed call says that there is no such upload in parts. */
export function isNoSuchUpload(caught: unknown): boolean {
  return nameOf(caught) === "NoSuchUpload" || statusOf(caught) === 404;
}

/** Returns whether a failed call says that the range begins behind the end of the object. */
export function isRangeBehindEnd(caught: unknown): boolean {
  return nameOf(caught) === "InvalidRange" || statusOf(caught) === 416;
}

/** Returns the StreamError of one key that a batch could not remove. */
export function toRemovalError(
  place: S3Place,
  failed: { readonly key: string; readonly name: string; readonly failedCount: number },
): StreamError {
  const { key, name, failedCount } = failed;
  const others = failedCount > 1 ? ` and of ${failedCount - 1} more` : "";
  const error = Object.assign(new Error("refused in a batch"), { name });
  return toS3Error(`removal of ${key}${others}`, place, error);
}

function explain(caught: unknown): { readonly meaning: Meaning; readonly detail: string } {
  const [name, status] = [nameOf(caught), statusOf(caught)];
  const named = byName.get(name);
  if (named !== undefined) return { meaning: named, detail: name };
  if (name === "CredentialsProviderError") return { meaning: noCredentials, detail: "" };
  const system = systemCodeOf(caught);
  if (system !== undefined) {
    const meaning = bySystemCode.get(system) ?? (isTlsCode(system) ? notTls : broken);
    return { meaning, detail: system };
  }
  if (status !== undefined) return { meaning: meaningOf(status), detail: detailOf(name, status) };
  if (caught instanceof Error && caught.message.includes("Region is missing")) {
    return { meaning: wrongRegion, detail: "no region is set" };
  }
  return { meaning: name === "" ? broken : (serverErrors.get(name) ?? notS3), detail: name };
}

/** Names in the answers of batches, which have no status of their own. */
const serverErrors: ReadonlyMap<string, Meaning> = new Map([
  ["InternalError", broken],
  ["ServiceUnavailable", tooBusy],
  ["TimeoutError", unreachable],
  ["AbortError", unreachable],
]);

function meaningOf(status: number): Meaning {
  const known = byStatus.get(status);
  if (known !== undefined) return known;
  if (status >= 500) return broken;
  if (status >= 400) {
    return never("unavailable", "refused the request; check the endpoint, bucket and region");
  }
  return notS3;
}

function detailOf(name: string, status: number): string {
  const isKnownName = /^[A-Za-z0-9]{3,60}$/.test(name) && !/^\d+$/.test(name) && name !== "Error";
  return isKnownName && name !== "SyntaxError" ? `${name}, status ${status}` : `status ${status}`;
}

function insert(says: string, detail: string): string {
  if (detail === "") return says;
  const [first = "", ...rest] = says.split("; ");
  return [`${first} (${detail})`, ...rest].join("; ");
}

function nameOf(caught: unknown): string {
  return caught instanceof Error ? caught.name : "";
}

function isTlsCode(code: string): boolean {
  return code.startsWith("ERR_SSL") || code.startsWith("ERR_TLS");
}

/** The happy-eyeballs error of Node holds one cause for each address; each has the same reason. */
function systemCodeOf(caught: unknown): string | undefined {
  for (let error = caught, depth = 0; error instanceof Error && depth < 5; depth += 1) {
    const code = codeOf(error);
    if (code !== undefined && /^[A-Z][A-Z0-9_]+$/.test(code)) return code;
    error = error.cause;
  }
  return undefined;
}

/** An answer that is no XML fails to decode, with the answer beside the error. */
function statusOf(caught: unknown): number | undefined {
  if (!(caught instanceof Error)) return undefined;
  const metadata = "$metadata" in caught ? caught.$metadata : undefined;
  const response = "$response" in caught ? caught.$response : undefined;
  return numberIn(metadata, "httpStatusCode") ?? numberIn(response, "statusCode");
}

function numberIn(value: unknown, field: string): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found: unknown = Reflect.get(value, field);
  return typeof found === "number" ? found : undefined;
}

/** The SDK's errors carry answers as fields, some with what was signed: a log would print them. */
function withoutFields(caught: unknown): unknown {
  if (!(caught instanceof Error)) return undefined;
  const cause = new Error(caught.message);
  cause.name = caught.name;
  if (caught.stack !== undefined) cause.stack = caught.stack;
  return cause;
}
