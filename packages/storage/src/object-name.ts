import { StreamError } from "@millrace/core";

const segmentPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/;
const maxNameLength = 900;

/**
 * Returns the segments of an object's name; throws `invalid-argument` unless each begins with a
 * letter or digit: no name leads out of a folder, and none is hidden.
 */
export function parseObjectName(name: string): readonly string[] {
  const segments = name.split("/");
  if (name.length > maxNameLength || !segments.every((segment) => segmentPattern.test(segment))) {
    throw invalidName(name, "name an object");
  }
  return segments;
}

/** Throws `invalid-argument` unless the prefix is empty or begins an object's name. */
export function checkObjectPrefix(prefix: string): void {
  const folders = prefix.split("/");
  const last = folders.pop() ?? "";
  const isPrefix = [...folders, last === "" ? "a" : last].every((part) =>
    segmentPattern.test(part),
  );
  if (!isPrefix) throw invalidName(prefix, "begin the name of an object");
}

function invalidName(text: string, purpose: string): StreamError {
  return new StreamError("invalid-argument", `${JSON.stringify(text)} cannot ${purpose}`, {
    domain: "internal",
    retry: "never",
  });
}
