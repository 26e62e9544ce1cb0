import { StreamError } from "@millrace/core";
import type { OperatorSpec, StreamGraph } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import {
  broadcastMap,
  count,
  defineJob,
  elements,
  outputTag,
  type InvalidRecord,
  type Job,
  type StandardSchema,
} from "./index.ts";

interface Reading {
  readonly at: number;
  readonly place: { readonly name: string };
}

/** Makes numbers of texts, as libraries do that are told to; drops fields that it does not know. */
const readings: StandardSchema<unknown, Reading> = {
  "~standard": {
    version: 1,
    vendor: "hand",
    validate(value) {
      const { at, place } = value as { at?: unknown; place?: { name?: unknown } };
      const issues = [
        ...(Number.isFinite(Number(at)) ? [] : [{ message: "is no number", path: ["at"] }]),
        ...(typeof place?.name === "string"
          ? []
          : [{ message: "is no text", path: [{ key: "place" }, "name"] }]),
      ];
      if (issues.length > 0) return { issues };
      return { value: { at: Number(at), place: { name: String(place?.name) } } };
    },
  },
};

const numbers: StandardSchema<number, number> = {
  "~standard": {
    version: 1,
    vendor: "hand",
    validate: (value) =>
      typeof value === "number" ? { value } : { issues: [{ message: "is no number" }] },
  },
};

function graphOf(write: (job: Job) => void): StreamGraph {
  return defineJob("job", write).build({ params: {}, baseDirectory: "/" });
}

function specOf(write: (job: Job) => void, name: string): OperatorSpec {
  const node = graphOf(write).nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`there is no ${name}`);
  return node.spec;
}

function checkOf(schema: StandardSchema<unknown, unknown>): (record: unknown) => unknown {
  const spec = specOf((job) => job.source("in", elements<unknown>([]), { schema }).print(), "in");
  if (spec.kind !== "source" || spec.check === undefined) throw new Error("it is not checked");
  return spec.check;
}

const valid = { at: "17", place: { name: "Oslo" }, extra: true };

describe("a schema of a source", () => {
  test("makes of each record what it returns", () => {
    expect(checkOf(readings)(valid)).toEqual({ at: 17, place: { name: "Oslo" } });
  });

  test("refuses one that does not fit, naming the source and the fields, and nothing of the record", () => {
    const record = { at: "soon", place: { name: 7 }, secret: "hush" };
    const refused = (): unknown => checkOf(readings)(record);
    expect(refused).toThrow(expect.objectContaining({ code: "record-invalid", domain: "user" }));
    expect(refused).toThrow(
      "a record of source in does not fit its schema: at: is no number; place.name: is no text",
    );
    expect(refused).not.toThrow(/hush|soon/);
  });

  test("names three reasons, and how many more there are", () => {
    const issues = [1, 2, 3, 4, 5].map((index) => ({
      message: `reason ${index} ${"x".repeat(500)}`,
    }));
    const validate = () => ({ issues });
    const schema = { "~standard": { version: 1, vendor: "hand", validate } } as const;
    expect(() => checkOf(schema)({})).toThrow(/reason 3 x{190}.*; and 2 more$/);
    expect(() => checkOf(schema)({})).not.toThrow(/x{200}/);
  });

  test("that checks asynchronously is refused, and what it throws later ends nothing", async () => {
    let reject = (): void => {};
    const promise = new Promise<{ value: unknown }>((_resolve, refuse) => {
      reject = () => refuse(new Error("too late"));
    });
    const validate = () => promise;
    const schema = { "~standard": { version: 1, vendor: "slow", validate } } as const;
    expect(() => checkOf(schema)({})).toThrow(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringContaining("of slow, checks asynchronously"),
      }),
    );
    reject();
    await expect(promise).rejects.toThrow("too late");
  });

  test("is not asked for where none is given", () => {
    const spec = specOf((job) => job.source("in", elements([1])).print(), "in");
    expect(spec).not.toHaveProperty("check");
  });
});

describe("check", () => {
  test("is a plain map, which throws what does not fit", () => {
    const spec = specOf(
      (job) => job.source("in", elements<unknown>([])).check("valid", readings).print(),
      "valid",
    );
    if (spec.kind !== "map") throw new Error("it is no map");
    expect(spec.map(valid)).toEqual({ at: 17, place: { name: "Oslo" } });
    expect(() => spec.map({})).toThrow(
      expect.objectContaining({
        code: "record-invalid",
        message: expect.stringContaining("a record that came to operator valid"),
      }),
    );
  });

  test("sends what does not fit to a side output, as it came and with the reasons", () => {
    const invalid = outputTag<InvalidRecord<unknown>>("invalid");
    const spec = specOf((job) => {
      const checked = job.source("in", elements<unknown>([])).check("valid", readings, {
        invalidTo: invalid,
      });
      checked.print();
      checked.sideOutput(invalid).print();
    }, "valid");
    if (spec.kind !== "plain-process") throw new Error("it is no process");
    const told: unknown[] = [];
    const context = {
      emit: (record: unknown) => told.push(record),
      emitTo: (tag: { name: string }, record: unknown) => told.push([tag.name, record]),
    };
    const { onRecord } = spec.create();
    onRecord(valid, context);
    onRecord({ at: 1, place: {} }, context);
    expect(told).toEqual([
      { at: 17, place: { name: "Oslo" } },
      [
        "invalid",
        {
          record: { at: 1, place: {} },
          issues: [{ message: "is no text", path: ["place", "name"] }],
        },
      ],
    ]);
  });
});

/** Emits its first argument. */
const pass = (value: unknown, ctx: { emit(value: number): void }): void =>
  ctx.emit(value as number);

function writeAll(job: Job): void {
  const stream = job.source("in", elements<number>([]));
  const keyed = stream.keyBy((n) => n);
  const emits = numbers;
  keyed.process("process", { emits, onRecord: pass, onTimer: pass }).print();
  keyed.connect(keyed).process("both", { emits, onFirst: pass, onSecond: pass }).print();
  keyed
    .window(count(3))
    .process("window", { emits, onWindow: (values, ctx) => pass(values[0], ctx) })
    .print();
  const broadcastState = { all: broadcastMap<string, number>() };
  const beside = { emits, broadcastState, onRecord: pass, onBroadcast: pass };
  stream.connect(stream.broadcast()).process("beside", beside).print();
  keyed.connect(stream.broadcast()).process("keyed-beside", beside).print();
  const onEnd = (ctx: { emit(value: number): void }): void => pass("end", ctx);
  stream.process("plain", { emits, create: () => ({ onRecord: pass, onEnd }) }).print();
}

/** Returns the functions of an operator that emit; each gets what it emits and a context. */
function emittingOf(name: string): readonly ((value: unknown, context: object) => void)[] {
  const spec = specOf(writeAll, name);
  if (spec.kind === "process") {
    return [spec.onRecord, spec.onSecond ?? spec.onRecord, spec.onTimer ?? spec.onRecord];
  }
  if ("onBroadcast" in spec) return [spec.onRecord, spec.onBroadcast];
  if (spec.kind === "plain-process") return [spec.create().onRecord];
  if (spec.kind !== "count-window") throw new Error(`${name} is a ${spec.kind}`);
  return [(value, context) => void spec.aggregate.result([value], context)];
}

describe.each(["process", "both", "window", "beside", "keyed-beside", "plain"])(
  "a schema of what %s emits",
  (name) => {
    test("lets through what fits, from each of its functions, and refuses what does not", () => {
      const functions = emittingOf(name);
      const emitted: unknown[] = [];
      const context = { emit: (value: unknown) => emitted.push(value) };
      for (const run of functions) {
        run(7, context);
        expect(() => run("seven", context)).toThrow(
          `a record that operator ${name} emits does not fit its schema: is no number`,
        );
      }
      expect(emitted).toEqual(functions.map(() => 7));
    });

    test("leaves the rest of the context as it is, while that changes", () => {
      const [run] = emittingOf(name);
      let emittedAt = 0;
      const context = {
        timestamp: 1,
        emit: () => {
          emittedAt = context.timestamp;
        },
      };
      run?.(1, context);
      context.timestamp = 2;
      run?.(1, context);
      expect(emittedAt).toBe(2);
    });
  },
);

test("what is emitted at the end of input is held against the schema too", () => {
  const spec = specOf(writeAll, "plain");
  if (spec.kind !== "plain-process") throw new Error("it is no process");
  expect(() => spec.create().onEnd?.({ emit: () => {} })).toThrow(StreamError);
});
