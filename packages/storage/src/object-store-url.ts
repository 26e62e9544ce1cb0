import { StreamError } from "@millrace/core";

import { checkObjectPrefix } from "./object-name.ts";
import type { S3Place } from "./s3-options.ts";

/** What the URL of an object store names. */
export type ObjectStoreUrl =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "s3"; readonly place: S3Place };

const forms =
  "file:<folder> or s3://<bucket>[/<prefix>][?endpoint=<url>&region=<name>&pathStyle=true|false]";
const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const regionPattern = /^[a-z0-9-]{1,60}$/;
const parameters: ReadonlySet<string> = new Set(["endpoint", "pathStyle", "region"]);

/**
 * Returns what the URL names: `file:<folder>`, or `s3://<bucket>[/<prefix>]` with `endpoint`,
 * `region` and `pathStyle` behind a question mark. Throws `invalid-argument` that says which part is
 * wrong; a URL with credentials is refused and not repeated.
 */
export function parseObjectStoreUrl(text: string): ObjectStoreUrl {
  if (text.startsWith("file:")) return { kind: "file", path: parseFolder(text) };
  if (!text.startsWith("s3://")) throw refuse(`an object store's URL is ${forms}`);
  if (/^s3:\/\/[^/?]*@/.test(text)) {
    throw refuse(
      "the URL of the object store must hold no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    );
  }
  const [, bucket = "", path = "", query] = /^s3:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(
    text,
  ) ?? [undefined, "", "", undefined];
  if (!bucketPattern.test(bucket)) {
    throw refuse(
      `${JSON.stringify(bucket)} cannot name a bucket: 3 to 63 small letters, digits, dots and hyphens; the form is ${forms}`,
    );
  }
  const prefix = parsePrefix(path);
  return {
    kind: "s3",
    place: { bucket, ...(prefix === "" ? {} : { prefix }), ...parseParameters(query ?? "") },
  };
}

/** Both `file:/data` and `file:///data` are folders; so is `file:data`, relative to here. */
function parseFolder(text: string): string {
  const rest = text.slice("file:".length);
  const path = rest.startsWith("//") ? rest.slice(2) : rest;
  if (path === "") throw refuse(`${JSON.stringify(text)} names no folder; the form is ${forms}`);
  if (rest.startsWith("//") && !path.startsWith("/")) {
    throw refuse(`${JSON.stringify(text)} names a host; write file:${path} or file:///${path}`);
  }
  return path;
}

function parsePrefix(path: string): string {
  const prefix = path.replace(/\/$/, "");
  if (prefix === "") return "";
  try {
    checkObjectPrefix(`${prefix}/`);
  } catch {
    throw refuse(
      `${JSON.stringify(prefix)} cannot be a prefix: segments of letters, digits, dots, hyphens and underscores between single slashes`,
    );
  }
  return prefix;
}

function parseParameters(query: string): Partial<S3Place> {
  const given = new URLSearchParams(query);
  for (const name of given.keys()) {
    if (!parameters.has(name)) {
      throw refuse(
        `${JSON.stringify(name)} is no parameter of an S3 URL; there are ${[...parameters].join(", ")}`,
      );
    }
    if (given.getAll(name).length > 1) throw refuse(`the S3 URL has ${name} twice`);
  }
  const [endpoint, region, pathStyle] = ["endpoint", "region", "pathStyle"].map((name) =>
    given.get(name),
  );
  return {
    ...(endpoint === null || endpoint === undefined ? {} : { endpoint: parseEndpoint(endpoint) }),
    ...(region === null || region === undefined ? {} : { region: parseRegion(region) }),
    ...(pathStyle === null || pathStyle === undefined ? {} : { isPathStyle: parseFlag(pathStyle) }),
  };
}

function parseEndpoint(text: string): string {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw refuse("the endpoint of the S3 URL must be http://host:port or https://host:port");
  }
  if (url.username !== "" || url.password !== "") {
    throw refuse(
      "the endpoint of the S3 URL must hold no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    );
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw refuse(
      `the endpoint ${url.origin} of the S3 URL must end behind its port; a prefix stands behind the bucket`,
    );
  }
  return url.origin;
}

function parseRegion(text: string): string {
  if (regionPattern.test(text)) return text;
  throw refuse(`${JSON.stringify(text)} cannot name a region, such as eu-central-1`);
}

function parseFlag(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw refuse(`pathStyle of the S3 URL is true or false, not ${JSON.stringify(text)}`);
}

function refuse(message: string): StreamError {
  return new StreamError("invalid-argument", message, { domain: "user", retry: "never" });
}
