import { StreamError } from "@millrace/core";
import type { TimeToLive } from "@millrace/state";
import { describe, expect, test } from "vitest";

import { setKey, testBackends } from "../test-backends.ts";
import { ListHandle } from "./list-handle.ts";

const refuse = (call: string): StreamError =>
  new StreamError("invalid-argument", call, { domain: "user", retry: "never" });

describe.each(testBackends)("a list on %s", (_name, create) => {
  function openList(ttl?: TimeToLive): ListHandle {
    const { keyed } = create();
    const list = new ListHandle(keyed, { name: "list", ttl, refuse });
    setKey(keyed, "ann");
    return list;
  }

  test("what a list handed out does not change when more is added", () => {
    const list = openList();
    list.addAll([1, 2]);
    const before = list.get();
    list.add(3);
    list.add(4);
    expect(before).toEqual([1, 2]);
    expect(list.get()).toEqual([1, 2, 3, 4]);
  });

  test("takes itself as what is added, and as what it is set to", () => {
    const list = openList();
    list.addAll([1, 2]);
    list.addAll(list.get());
    expect(list.get()).toEqual([1, 2, 1, 2]);
    list.set(list.get());
    expect(list.get()).toEqual([1, 2, 1, 2]);
  });

  test("is empty where nothing was added, or all was taken away", () => {
    const list = openList();
    expect(list.get()).toEqual([]);
    list.add(1);
    list.set([]);
    expect(list.get()).toEqual([]);
  });

  test("of a state that held a plain value in an earlier version of the job is refused by name", () => {
    const { keyed } = create();
    setKey(keyed, "ann");
    keyed.valueState("list").set(7);
    const list = new ListHandle(keyed, { name: "list", ttl: undefined, refuse });
    expect(() => list.get()).toThrow("of another kind");
  });

  test.each([
    ["add", (list: ListHandle) => list.add(undefined)],
    ["addAll", (list: ListHandle) => list.addAll([1, undefined])],
  ])("%s refuses undefined", (_call, call) => {
    expect(() => call(openList())).toThrow("a list holds values");
  });

  test("elements expire one by one, the oldest first", () => {
    let nowMs = 0;
    const list = openList({
      afterMs: 100,
      refreshesOnRead: false,
      nowMs: () => nowMs,
      passedMs: () => nowMs,
    });
    for (nowMs = 0; nowMs <= 80; nowMs += 40) list.add(nowMs);
    nowMs = 100;
    expect(list.get()).toEqual([40, 80]);
    nowMs = 179;
    expect(list.get()).toEqual([80]);
    nowMs = 180;
    expect(list.get()).toEqual([]);
  });

  test("an element that is expired for one record is there for one of a lower event time", () => {
    let nowMs = 0;
    const list = openList({
      afterMs: 100,
      refreshesOnRead: false,
      nowMs: () => nowMs,
      passedMs: () => 0,
    });
    list.add("first");
    nowMs = 100;
    list.add("second");
    expect(list.get()).toEqual(["second"]);
    nowMs = 50;
    expect(list.get()).toEqual(["first", "second"]);
  });

  test("elements that are read live on where reading counts", () => {
    let nowMs = 0;
    const list = openList({
      afterMs: 100,
      refreshesOnRead: true,
      nowMs: () => nowMs,
      passedMs: () => nowMs,
    });
    list.add(1);
    nowMs = 90;
    expect(list.get()).toEqual([1]);
    nowMs = 189;
    expect(list.get()).toEqual([1]);
    nowMs = 289;
    expect(list.get()).toEqual([]);
  });
});
