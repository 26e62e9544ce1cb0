import { expect, test } from "vitest";

import { ReadProgress } from "./read-progress.ts";

const reader = (attempt: number, jobId = "first") => ({ operatorName: "numbers", jobId, attempt });

test("all is read once the last reader of each split has read it (I1)", () => {
  const progress = new ReadProgress();
  progress.expect("numbers", "split-0");
  progress.expect("numbers", "split-1");
  const before = progress.onOpened(reader(1), "split-0");
  progress.onOpened(reader(1), "split-1")();
  expect(progress.isAllRead()).toBe(false);
  before();
  expect(progress.isAllRead()).toBe(true);

  const now = progress.onOpened(reader(2), "split-0");
  before();
  expect(progress.isAllRead()).toBe(false);
  now();
  expect(progress.isAllRead()).toBe(true);
});

test.each([
  ["an attempt that is over", reader(1), reader(2)],
  ["a job that another one goes on from", reader(3), reader(1, "second")],
])("a reader of %s that begins late changes nothing (I1)", (_what, old, live) => {
  const progress = new ReadProgress();
  progress.expect("numbers", "split-0");
  progress.onOpened(old, "split-0");
  const now = progress.onOpened(live, "split-0");
  const late = progress.onOpened(old, "split-0");
  late();
  expect(progress.isAllRead()).toBe(false);
  now();
  expect(progress.isAllRead()).toBe(true);
  progress.onOpened(old, "split-0");
  expect(progress.isAllRead()).toBe(true);
});
