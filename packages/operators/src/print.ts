import type { Operator, OperatorContext } from "./operator.ts";

/** Returns the operator that writes each record as a line of the job's log. */
export function createPrintOperator(label: string): Operator {
  const prefix = label === "" ? "" : `${label}: `;
  let printLine: OperatorContext["printLine"] = () => {};
  return {
    open(context) {
      printLine = context.printLine;
    },
    onRecord(value) {
      printLine(prefix + formatRecord(value));
    },
  };
}

/** Returns a record as one line of text: strings as they are, all else as JSON. */
function formatRecord(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value, formatPart) ?? String(value);
}

function formatPart(_name: string, part: unknown): unknown {
  if (typeof part === "bigint") return part.toString();
  if (part instanceof Map) return Object.fromEntries(part);
  return part instanceof Set ? [...part] : part;
}
