import { StreamError } from "@millrace/core";

/** What the template of one step looks like. */
export type ChainStepKind = "map" | "filter" | "flat-map" | "operator";

/** A combining gate lets records pass unseen while it pauses. */
type ChainGateKind = "plain" | "combining";

export interface ChainShape {
  readonly steps: readonly ChainStepKind[];
  readonly gates: readonly ChainGateKind[];
}

const prelude =
  "const { cursor, functions, operators, gates, shortcuts, isPromise, fail } = constants;";

/** Longer chains are refused: the size of generated code is bounded. */
export const maxChainSteps = 200;
const maxChainGates = 200;

/**
 * Returns the body of a function of `constants` that returns `{ run, runSecond, outputs }`. Nothing but
 * numbers of ours enters the text. A step that can emit
 * several records (flat-map, operator) ends a section; each section is a function of its own.
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
  const starts = [0, ...steps.flatMap((kind, index) => (endsSection(kind) ? [index + 1] : []))];
  for (const start of starts.toReversed()) lines.push(...section(shape, start));
  lines.push(...secondEntry(steps), ...outputs(steps));
  lines.push("return { run: run0, runSecond, outputs };");
  return lines.join("\n");
}

function endsSection(kind: ChainStepKind): boolean {
  return kind === "flat-map" || kind === "operator";
}

function constants({ steps, gates }: ChainShape): readonly string[] {
  const lines = steps.map((kind, index) =>
    kind === "operator"
      ? `const o${index} = operators[${index}];`
      : `const f${index} = functions[${index}];`,
  );
  for (const [gate, kind] of gates.entries()) {
    lines.push(`const g${gate} = gates[${gate}];`);
    if (kind === "combining") {
      lines.push(`const { pause: w${gate}, gate: p${gate} } = shortcuts[${gate}];`);
    }
  }
  return lines;
}

/** Only an operator tells two inputs apart, and it is the first of its chain. */
function secondEntry([first]: readonly ChainStepKind[]): readonly string[] {
  const lines = first === "operator" ? ["cursor.step = 0;", "o0.onSecond(v, t);"] : [];
  return ["function runSecond(v, t) {", ...lines, "}"];
}

/** The steps from `start` to the next end of a section, as one function. */
function section(shape: ChainShape, start: number): readonly string[] {
  const { steps, gates } = shape;
  const lines: string[] = [];
  let current = start;
  let isOpen = true;
  while (isOpen && current < steps.length) {
    const kind = steps[current] ?? "map";
    lines.push(...stepLines(kind, current));
    isOpen = !endsSection(kind);
    current += 1;
  }
  if (isOpen) lines.push(...tailLines(gates, steps.length));
  const emitter = steps[current - 1] === "flat-map" && !isOpen ? emitLines(current - 1) : [];
  return [...emitter, `function run${start}(v${start}, t) {`, ...lines, "}"];
}

function stepLines(kind: ChainStepKind, index: number): readonly string[] {
  const value = `v${index}`;
  switch (kind) {
    case "map":
      return [
        `cursor.step = ${index};`,
        `const v${index + 1} = f${index}(${value});`,
        `if (isPromise(v${index + 1})) fail(${index});`,
      ];
    case "filter":
      return [
        `cursor.step = ${index};`,
        `const k${index} = f${index}(${value});`,
        `if (!k${index}) return;`,
        `if (isPromise(k${index})) fail(${index});`,
        `const v${index + 1} = ${value};`,
      ];
    case "flat-map":
      return flatMapLines(index);
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

function flatMapLines(index: number): readonly string[] {
  const next = `run${index + 1}`;
  return [
    `cursor.step = ${index};`,
    `s${index}.timestampMs = t;`,
    `s${index}.isOpen = true;`,
    `const r${index} = f${index}(v${index}, emit${index});`,
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
function tailLines(gates: readonly ChainGateKind[], stepCount: number): readonly string[] {
  if (gates.length === 0) return [];
  const value = `v${stepCount}`;
  const lines = ["cursor.recordsOut += 1;"];
  for (const [gate, kind] of gates.entries()) {
    lines.push(`cursor.step = ${stepCount + gate};`);
    if (kind === "combining") {
      lines.push(
        `if (w${gate}.pauseLeft > 0) {`,
        `w${gate}.pauseLeft -= 1;`,
        `p${gate}.emit(${value}, t);`,
        `} else g${gate}.emit(${value}, t);`,
      );
    } else lines.push(`g${gate}.emit(${value}, t);`);
  }
  return lines;
}

/** What operators emit into: the next section, after which the operator's code goes on. */
function outputs(steps: readonly ChainStepKind[]): readonly string[] {
  const list = steps.map((kind, index) =>
    kind === "operator"
      ? `{ emit(value, t) { run${index + 1}(value, t); cursor.step = ${index}; } }`
      : "undefined",
  );
  return [`const outputs = [${list.join(",\n")}];`];
}
