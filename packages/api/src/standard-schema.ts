import { StreamError } from "@millrace/core";

/**
 * A schema of any library that follows Standard Schema, version 1 (standardschema.dev): such as those
 * of Zod, Valibot and ArkType. Declared here, so that no library is needed for its types alone.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Only types use it. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly GivenIssue[] };

interface GivenIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What of a record does not fit its schema. */
export interface SchemaIssue {
  /** In the words of the schema's library, some of which quote what they refuse. */
  readonly message: string;
  /** The fields that lead to it, outermost first; none: the record as a whole. */
  readonly path: readonly (string | number)[];
}

type Checked<Output> =
  | { readonly isValid: true; readonly value: Output }
  | { readonly isValid: false; readonly issues: readonly SchemaIssue[] };

const maxShownIssues = 3;
const maxShownLength = 200;

/**
 * Returns what the schema makes of a value, or why it does not fit. Throws `invalid-argument` for a
 * schema that checks asynchronously: records are checked one by one, without waiting.
 */
export function checkValue<Output>(
  { "~standard": standard }: StandardSchema<unknown, Output>,
  value: unknown,
  what: string,
): Checked<Output> {
  const result = standard.validate(value);
  if (isPromise(result)) {
    // Nobody waits for it: what it throws is not to end the thread.
    result.then(undefined, () => {});
    throw new StreamError(
      "invalid-argument",
      `${what}: its schema, of ${standard.vendor}, checks asynchronously, which records do not wait for: give one that answers at once, and ask what has to be awaited in asyncMap`,
      { domain: "user", retry: "never" },
    );
  }
  if (result.issues === undefined) return { isValid: true, value: result.value };
  return { isValid: false, issues: result.issues.map(toIssue) };
}

/** Returns what checks values; it throws `record-invalid` for one that does not fit. */
export function checkerOf<Output>(
  schema: StandardSchema<unknown, Output>,
  what: string,
): (value: unknown) => Output {
  return (value) => checkOrThrow(schema, value, what);
}

function checkOrThrow<Output>(
  schema: StandardSchema<unknown, Output>,
  value: unknown,
  what: string,
): Output {
  const checked = checkValue(schema, value, what);
  if (checked.isValid) return checked.value;
  throw new StreamError(
    "record-invalid",
    `${what} does not fit its schema: ${describeIssues(checked.issues)}`,
    { domain: "user", retry: "never" },
  );
}

/** As `checkerOf`, for what is known only when it is checked. */
export function lateCheckerOf<Output>(
  schema: StandardSchema<unknown, Output>,
): (value: unknown, what: string) => Output {
  return (value, what) => checkOrThrow(schema, value, what);
}

/** Whether it is a schema, in whichever form its library gives it: some are functions. */
export function isStandardSchema<Output>(
  value: object | undefined,
): value is StandardSchema<Output, Output> {
  return value !== undefined && "~standard" in value;
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  const isObject = typeof value === "object" && value !== null;
  return isObject && "then" in value && typeof value.then === "function";
}

function toIssue({ message, path = [] }: GivenIssue): SchemaIssue {
  return {
    message,
    path: path.map((part) => toPlainKey(typeof part === "object" ? part.key : part)),
  };
}

function toPlainKey(key: PropertyKey): string | number {
  return typeof key === "symbol" ? String(key) : key;
}

function describeIssues(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, maxShownIssues).map(({ message, path }) => {
    const where = path.length === 0 ? "" : `${path.join(".")}: `;
    return `${where}${message}`.slice(0, maxShownLength);
  });
  const more = issues.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}
