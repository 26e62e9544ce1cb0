import { expect, expectTypeOf, test } from "vitest";

import {
  broadcastMap,
  count,
  defineJob,
  elements,
  outputTag,
  state,
  type DataStream,
  type InvalidRecord,
  type Job,
  type StandardSchema,
} from "./index.ts";

// `tsc -b` compiles this file: an unused `@ts-expect-error` fails the build.

interface Raw {
  readonly at: string;
}

interface Reading {
  readonly at: number;
}

/** A schema of which only the types count. */
function schemaOf<Input, Output>(): StandardSchema<Input, Output> {
  const validate = (value: unknown): { value: Output } => ({ value: value as Output });
  return { "~standard": { version: 1, vendor: "none", validate } };
}

const reading = schemaOf<Reading, Reading>();
const parsed = schemaOf<Raw, Reading>();

function build(write: (job: Job) => void): () => unknown {
  return () => defineJob("types", write).build({ params: {}, baseDirectory: "/" });
}

test("a source with a schema has the records that the schema makes, whatever the connector says", () => {
  const write = build((job) => {
    const readings = job.source("raw", elements<unknown>([]), {
      schema: parsed,
      watermarks: { timestamp: ({ at }) => at },
    });
    expectTypeOf(readings).toEqualTypeOf<DataStream<Reading>>();
    readings.print();
    const plain = job.source("plain", elements<Raw>([]), {
      watermarks: { timestamp: ({ at }) => Date.parse(at) },
    });
    expectTypeOf(plain).toEqualTypeOf<DataStream<Raw>>();
    plain.print();
    const wrong = (): unknown =>
      job.source("wrong", elements<Raw>([]), {
        // @ts-expect-error -- without a schema the time is a text
        watermarks: { timestamp: ({ at }) => at },
      });
    expect(wrong).toBeTypeOf("function");
  });
  expect(write).not.toThrow();
});

test("a checked stream has what the schema makes, its side output what does not fit", () => {
  const invalid = outputTag<InvalidRecord<Raw>>("invalid");
  const other = outputTag<InvalidRecord<number>>("other");
  const write = build((job) => {
    const raw = job.source("raw", elements<Raw>([]));
    const readings = raw.check("valid", parsed, { invalidTo: invalid });
    expectTypeOf(readings).toEqualTypeOf<DataStream<Reading>>();
    expectTypeOf(readings.sideOutput(invalid)).toEqualTypeOf<DataStream<InvalidRecord<Raw>>>();
    readings.print();
    readings.sideOutput(invalid).print();
    // @ts-expect-error -- the tag is for records of another type
    raw.check("wrong", parsed, { invalidTo: other }).print();
  });
  expect(write).not.toThrow();
});

test("a state has the type of its schema", () => {
  const write = build((job) => {
    job
      .source("raw", elements<Raw>([]))
      .keyBy(({ at }) => at)
      .process("states", {
        state: {
          last: state.value({ schema: reading }),
          all: state.list({ schema: reading }),
          byName: state.map<string, Reading>({ schema: reading }),
          // @ts-expect-error -- a schema that makes something else cannot say what is written
          wrong: state.value({ schema: parsed }),
        },
        onRecord(_record, ctx) {
          expectTypeOf(ctx.state.last.get()).toEqualTypeOf<Reading | undefined>();
          expectTypeOf(ctx.state.all.get()).toEqualTypeOf<readonly Reading[]>();
          // @ts-expect-error -- a reading has a number
          ctx.state.last.set({ at: "1" });
        },
      })
      .print();
  });
  expect(write).not.toThrow();
});

test("what an operator emits has the type of its schema, wherever a type may be said", () => {
  const write = build((job) => {
    const raw = job.source("raw", elements<Raw>([]));
    const keyed = raw.keyBy(({ at }) => at);
    const onRecord = (_record: Raw, ctx: { emit(record: Reading): void }): void =>
      ctx.emit({ at: 1 });
    const streams = [
      keyed.process("keyed", { emits: reading, onRecord }),
      raw.process("plain", { emits: reading, create: () => ({ onRecord }) }),
      keyed
        .connect(keyed)
        .process("both", { emits: reading, onFirst: onRecord, onSecond: onRecord }),
      keyed.window(count(3)).process("windows", {
        emits: reading,
        onWindow: (_records, ctx) => ctx.emit({ at: 1 }),
      }),
      raw.connect(raw.broadcast()).process("beside", {
        emits: reading,
        broadcastState: { all: broadcastMap<string, number>() },
        onRecord,
        onBroadcast: onRecord,
      }),
    ];
    expectTypeOf(streams).toEqualTypeOf<DataStream<Reading>[]>();
    for (const stream of streams) stream.print();
    keyed
      .process("wrong", {
        emits: reading,
        onRecord(_record, ctx) {
          // @ts-expect-error -- a reading has a number
          ctx.emit({ at: "1" });
        },
      })
      .print();
    // @ts-expect-error -- a schema that makes something else cannot say what is emitted
    keyed.process("other", { emits: parsed, onRecord() {} }).print();
  });
  expect(write).not.toThrow();
});
