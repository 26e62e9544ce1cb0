import { expect, test } from "vitest";

import type { CountWindowSpec, GeneralWindowSpec } from "./general-window.ts";
import type { StateSpec } from "./state-spec.ts";
import type { WindowSpec } from "./stream-graph.ts";
import { graphOf, refusalOf, specs } from "./test-graphs.ts";

type Aggregate = WindowSpec["aggregate"];

const value: StateSpec = { kind: "value", version: 1 };
const ttl = { afterMs: 10, by: "event-time", refresh: "write" } as const;
const windowState = { firings: value };
const onClear = (): void => {};

/** Returns what the windows are told whose function keeps so much; `accepted` where they can run. */
function judge(
  spec:
    | Omit<WindowSpec, "aggregate">
    | Omit<GeneralWindowSpec, "aggregate">
    | Omit<CountWindowSpec, "aggregate">,
  kept: Partial<Aggregate>,
  source = specs.source,
): unknown {
  const aggregate: Aggregate = { ...specs.window.aggregate, emitsItself: true, ...kept };
  return refusalOf(
    graphOf([
      { name: "in", spec: source },
      { name: "key", inputs: ["in"], spec: specs.keyBy },
      { name: "win", inputs: ["key"], spec: { ...spec, aggregate } },
      { name: "out", inputs: ["win"], spec: specs.sink },
    ]),
  );
}

const general = { kind: "general-window", allowedLatenessMs: 0 } as const;
const aligned = {
  ...general,
  assigner: { kind: "tumbling", sizeMs: 10, offsetMs: 0 },
} as const;
const sessions = { ...general, assigner: { kind: "session", gapMs: 10 } } as const;
const global = { ...general, assigner: { kind: "global" } } as const;
const byCount = { kind: "count-window", assigner: { kind: "count", size: 2, slide: 2 } } as const;
const trigger = { kind: "count", count: 2 } as const;

test("windows that are over some time have states of their own; all have those of their key", () => {
  const globalState = { users: value, seen: { ...value, ttl } };
  expect(judge(aligned, { windowState, globalState, onClear })).toMatchObject({ code: "accepted" });
  expect(judge(sessions, { globalState, onClear })).toMatchObject({ code: "accepted" });
  expect(judge(global, { globalState, onClear })).toMatchObject({ code: "accepted" });
  expect(judge(byCount, { globalState })).toMatchObject({ code: "accepted" });
  expect(judge(specs.window, { globalState })).toMatchObject({ code: "accepted" });
});

test.each<[string, Parameters<typeof judge>, RegExp]>([
  ["a state of a session", [sessions, { windowState }], /win: sessions become one .*globalState/],
  ["a state of the global window", [global, { windowState }], /win: .* never over, .*globalState/],
  ["a state of a count window", [byCount, { windowState }], /win: .* never over, .*globalState/],
  ["the end of a count window", [byCount, { onClear }], /win: .* never over: leave onClear out/],
  [
    "the end of a global window with a trigger",
    [{ ...global, trigger }, { onClear }],
    /win: .* never over: leave onClear out/,
  ],
  ["a state of a window in panes", [specs.window, { windowState }], /win: windows in panes/],
  [
    "a time to live of a window's state",
    [aligned, { windowState: { firings: { ...value, ttl } } }],
    /win: the windowState firings has a time to live/,
  ],
  [
    "a time to live by a time that records do not have",
    [byCount, { globalState: { seen: { ...value, ttl } } }, specs.timeless],
    /win: the time to live of its state seen needs event time/,
  ],
])("refused: %s", (_what, given, message) => {
  expect(judge(...given)).toMatchObject({
    code: "job-module-invalid",
    message: expect.stringMatching(message) as string,
  });
});
