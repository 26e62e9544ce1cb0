import { StreamError, type JsonValue } from "@millrace/core";

/**
 * Returns the job's parameters from `name=value` texts. A value that is a JSON number, boolean or null
 * arrives as that, everything else as text. Throws `invalid-argument`.
 */
export function parseParams(texts: readonly string[]): JsonValue {
  return Object.fromEntries(texts.map(parseParam));
}

function parseParam(text: string): readonly [string, JsonValue] {
  const equals = text.indexOf("=");
  if (equals < 1) {
    throw new StreamError("invalid-argument", `--param ${text}: write it as name=value`, {
      domain: "user",
      retry: "never",
    });
  }
  return [text.slice(0, equals), parseValue(text.slice(equals + 1))];
}

function parseValue(text: string): JsonValue {
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  const isNumber = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text);
  return isNumber && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Returns the variables of this process that the names allow the job's module to read. */
export function pickEnvironment(names: readonly string[]): Readonly<Record<string, string>> {
  const entries = names.map((name): readonly [string, string] => {
    const value = process.env[name];
    if (value !== undefined) return [name, value];
    throw new StreamError("invalid-argument", `--env ${name}: this variable is not set`, {
      domain: "user",
      retry: "never",
    });
  });
  return Object.fromEntries(entries);
}
