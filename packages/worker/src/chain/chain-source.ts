import { StreamError } from "@millrace/core";

/** What the template of one step looks like. */
type ChainStepKind = "map" | "filter" | "flat-map" | "operator";

/** A combining gate lets records pass unseen while it pauses. */
type ChainGateKind = "plain" | "combining";

/** What begins the chain: its records, before any step. */
const chainEntry = -1;

export interface ChainShape {
  readonly steps: readonly {
    readonly kind: ChainStepKind;
    /** The step whose results it takes, which stands before it, or `chainEntry`. */
    readonly after: number;
  }[];
  readonly gates: readonly {
    readonly kind: ChainGateKind;
    /** The same for a gate. */
    readonly after: number;
  }[];
}

const prelude =
  "const { cursor, functions, operators, gates, shortcuts, isPromise, fail } = constants;";

/** Longer chains are refused: the size of generated code is bounded. */
export const maxChainSteps = 200;
const maxChainGates = 200;

/**
 * Returns the body of a function of `constants` that returns `{ run, runSecond, outputs }`. Nothing but
 * numbers of ours enters the text. What takes the results of a step that can emit several records
 * (flat-map, operator) is a function of its own, `run` with that step's number + 1; of several consumers
 * of one step each step is one, `branch` with its own number. All else is one text.
 */
export function chainSource(shape: ChainShape): string {
  const { steps, gates } = shape;
  if (steps.length > maxChainSteps || gates.length > maxChainGates) {
    throw new StreamError(
      "job-module-invalid",
      `a chain of ${steps.length} operators with ${gates.length} outputs is too long (limits ` +
        `${maxChainSteps} and ${maxChainGates}); break it with rebalance()`,
      { domain: "user", retry: "never" },
    );
  }
  const lines = ['"use strict";', prelude, ...constants(shape)];
  for (let step = steps.length - 1; step >= chainEntry; step -= 1) {
    lines.push(...branchFunction(shape, step), ...runFunction(shape, step));
  }
  lines.push(...secondEntry(steps), ...outputs(steps));
  lines.push("return { run: run0, runSecond, outputs };");
  return lines.join("\n");
}

function endsSection(kind: ChainStepKind): boolean {
  return kind === "flat-map" || kind === "operator";
}

function constants({ steps, gates }: ChainShape): readonly string[] {
  const lines = steps.map(({ kind }, index) =>
    kind === "operator"
      ? `const o${index} = operators[${index}];`
      : `const f${index} = functions[${index}];`,
  );
  for (const [gate, { kind }] of gates.entries()) {
    lines.push(`const g${gate} = gates[${gate}];`);
    if (kind === "combining") {
      lines.push(`const { pause: w${gate}, gate: p${gate} } = shortcuts[${gate}];`);
    }
  }
  return lines;
}

/** Only an operator tells two inputs apart, and it is the first of its chain. */
function secondEntry([first]: ChainShape["steps"]): readonly string[] {
  const lines = first?.kind === "operator" ? ["cursor.step = 0;", "o0.onSecond(v, t);"] : [];
  return ["function runSecond(v, t) {", ...lines, "}"];
}

/** What takes the results of a step that emits by calls, and the chain's records. */
function runFunction(shape: ChainShape, step: number): readonly string[] {
  const kind = shape.steps[step]?.kind;
  if (kind !== undefined && !endsSection(kind)) return [];
  const lines = [`function run${step + 1}(v${step + 1}, t) {`, ...consumerLines(shape, step), "}"];
  return kind === "flat-map" ? [...emitLines(step), ...lines] : lines;
}

/** One of several that take the results of a step: a filter in it ends nothing but itself. */
function branchFunction(shape: ChainShape, step: number): readonly string[] {
  const after = shape.steps[step]?.after;
  if (after === undefined || isOnlyConsumer(shape, after)) return [];
  return [`function branch${step}(v${after + 1}, t) {`, ...stepLines(shape, step), "}"];
}

/** All that takes the results of a step, one after the other. */
function consumerLines(shape: ChainShape, after: number): readonly string[] {
  const { steps } = shape;
  const taking = [...steps.keys()].filter((step) => steps[step]?.after === after);
  const [only] = taking;
  if (only !== undefined && isOnlyConsumer(shape, after)) return stepLines(shape, only);
  const calls = taking.map((step) => `branch${step}(v${after + 1}, t);`);
  return [...calls, ...gateLines(shape, after)];
}

function isOnlyConsumer({ steps, gates }: ChainShape, after: number): boolean {
  const isTaking = (one: { readonly after: number }): boolean => one.after === after;
  return steps.filter(isTaking).length === 1 && !gates.some(isTaking);
}

/** One step, and what takes its results as far as that is the same text. */
function stepLines(shape: ChainShape, index: number): readonly string[] {
  const { kind, after } = shape.steps[index] ?? { kind: "map", after: index - 1 };
  const value = `v${after + 1}`;
  switch (kind) {
    case "map":
      return [
        `cursor.step = ${index};`,
        `const v${index + 1} = f${index}(${value});`,
        `if (isPromise(v${index + 1})) fail(${index});`,
        ...consumerLines(shape, index),
      ];
    case "filter":
      return [
        `cursor.step = ${index};`,
        `const k${index} = f${index}(${value});`,
        `if (!k${index}) return;`,
        `if (isPromise(k${index})) fail(${index});`,
        `const v${index + 1} = ${value};`,
        ...consumerLines(shape, index),
      ];
    case "flat-map":
      return flatMapLines(index, value);
    case "operator":
      return [`cursor.step = ${index};`, `o${index}.onRecord(${value}, t);`];
  }
}

/** State of a flat-map's `emit`, which is one function for all records. */
function emitLines(index: number): readonly string[] {
  return [
    `const s${index} = { timestampMs: 0, isOpen: false };`,
    `function emit${index}(value) {`,
    `if (!s${index}.isOpen) fail(${index}, true);`,
    `run${index + 1}(value, s${index}.timestampMs);`,
    `cursor.step = ${index};`,
    "}",
  ];
}

function flatMapLines(index: number, value: string): readonly string[] {
  const next = `run${index + 1}`;
  return [
    `cursor.step = ${index};`,
    `s${index}.timestampMs = t;`,
    `s${index}.isOpen = true;`,
    `const r${index} = f${index}(${value}, emit${index});`,
    `s${index}.isOpen = false;`,
    `if (r${index} === undefined || r${index} === null) return;`,
    `if (isPromise(r${index})) fail(${index});`,
    `if (Array.isArray(r${index})) {`,
    `for (let i = 0; i < r${index}.length; i += 1) ${next}(r${index}[i], t);`,
    "} else {",
    `for (const one of r${index}) { ${next}(one, t); cursor.step = ${index}; }`,
    "}",
  ];
}

/**
 * Each gate has a step of its own behind the operators, for failures of its key function. What a
 * combining gate only lets pass goes straight to the gate behind it: one call more in between, and
 * the compiler inlines less of what follows (5 to 15 % of the CPU of a word count).
 */
function gateLines({ steps, gates }: ChainShape, after: number): readonly string[] {
  const value = `v${after + 1}`;
  const lines: string[] = [];
  for (const [gate, { kind, after: emitter }] of gates.entries()) {
    if (emitter !== after) continue;
    lines.push(`cursor.step = ${steps.length + gate};`);
    if (kind === "combining") {
      lines.push(
        `if (w${gate}.pauseLeft > 0) {`,
        `w${gate}.pauseLeft -= 1;`,
        `p${gate}.emit(${value}, t);`,
        `} else g${gate}.emit(${value}, t);`,
      );
    } else lines.push(`g${gate}.emit(${value}, t);`);
  }
  return lines.length === 0 ? [] : ["cursor.recordsOut += 1;", ...lines];
}

/** What operators emit into: all that takes their results, after which the operator's code goes on. */
function outputs(steps: ChainShape["steps"]): readonly string[] {
  const list = steps.map(({ kind }, index) =>
    kind === "operator"
      ? `{ emit(value, t) { run${index + 1}(value, t); cursor.step = ${index}; } }`
      : "undefined",
  );
  return [`const outputs = [${list.join(",\n")}];`];
}
