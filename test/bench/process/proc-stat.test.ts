import { expect, test } from "vitest";

import { parseMachineStat, parseProcessStat, sumTree } from "./proc-stat.ts";

function statLine(name: string): string {
  // State, parent, eight more, then user, system, and both of the ended children.
  return `42 (${name}) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 30 20 20 0 11 0 1000 0 0`;
}

test("a process's CPU time is user and system, its ended children's apart", () => {
  const expected = { processId: 42, parentId: 7, cpuMs: 2_000, endedChildrenMs: 500 };
  expect(parseProcessStat(statLine("node"))).toEqual(expected);
});

test("a program's name may hold brackets and spaces", () => {
  expect(parseProcessStat(statLine("a) S 1 2 (b"))).toMatchObject({ parentId: 7, cpuMs: 2_000 });
});

test("what is no line of a process is none", () => {
  for (const text of ["", "42", "42 (node) S 7", "x (node) S 7 1 1"]) {
    expect(parseProcessStat(text)).toBeUndefined();
  }
});

test("a tree is a process and all below it, also where a child has the lower number", () => {
  const of = (processId: number, parentId: number, cpuMs: number) => ({
    processId,
    parentId,
    cpuMs,
    endedChildrenMs: 1_000,
  });
  const processes = [of(5, 90, 1), of(3, 5, 20), of(90, 10, 300), of(10, 1, 4_000), of(11, 1, 9)];
  expect(sumTree(processes, 90)).toBe(3_000 + 321);
  expect(sumTree(processes, 1)).toBe(5_000 + 4_330);
  expect(sumTree(processes, 77)).toBe(0);
});

test("a machine has worked where it was neither idle nor waiting for a disk", () => {
  const text = "cpu  1 2 4 1000 500 8 16 32 64 64\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
  expect(parseMachineStat(text)).toBe(630);
  expect(() => parseMachineStat("intr 5 1 1")).toThrow("not /proc/stat");
});
