import { describe, expect, test } from "vitest";

import { decideNetworkMemoryMb, decideSlotMemoryMb } from "./slot-memory.ts";

const gib = 2 ** 30;
const machineBytes = 24 * gib;

describe("what a slot may hold by default", () => {
  test.for([
    { what: "a container's limit is shared by its slots", slots: 2, allowed: 2 * gib, mb: 719 },
    {
      what: "a container of 512 MiB keeps room for the process",
      slots: 1,
      allowed: gib / 2,
      mb: 209,
    },
    { what: "a container too small for its slots", slots: 8, allowed: gib / 2, mb: 64 },
    { what: "no limit: what Node gives a heap", slots: 2, allowed: 0, mb: 4096 },
    { what: "no limit, as cgroups say it", slots: 2, allowed: 2 ** 64, mb: 4096 },
  ])("$what: $mb MiB", ({ slots, allowed, mb }) => {
    expect(decideSlotMemoryMb({ slotCount: slots, machineBytes, allowedBytes: allowed })).toBe(mb);
  });

  test("a small machine without a limit: a quarter of it", () => {
    expect(decideSlotMemoryMb({ slotCount: 1, machineBytes: 4 * gib, allowedBytes: 0 })).toBe(1024);
  });
});

test.for([
  [64, 8],
  [719, 89],
  [4_096, 128],
] as const)("of %i MiB that a slot may hold its inputs may hold %i by default", ([slotMb, mb]) => {
  expect(decideNetworkMemoryMb(slotMb)).toBe(mb);
});
