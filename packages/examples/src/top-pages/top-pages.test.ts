import { assertExactlyOnce, simulate } from "millrace/testing";
import { expect, test } from "vitest";

import topPages from "./top-pages.ts";

test("the most viewed pages of each minute come out, and no more than three", async () => {
  const views = ["1000 /a", "2000 /b", "3000 /b", "4000 /c", "5000 /d", "61000 /d"];
  const { outputs } = await simulate(topPages, {
    seed: "1",
    params: { views: "views" },
    files: { "views/one.txt": views.join("\n") },
  });
  const first = { minute: "1970-01-01T00:00:00.000Z" };
  expect(outputs["board"]).toHaveLength(2);
  expect(outputs["board"]).toEqual(
    expect.arrayContaining([
      [
        { ...first, page: "/b", views: 2 },
        { ...first, page: "/a", views: 1 },
        { ...first, page: "/c", views: 1 },
      ],
      [{ minute: "1970-01-01T00:01:00.000Z", page: "/d", views: 1 }],
    ]),
  );
  expect(outputs["too-late"]).toEqual([]);
});

test("no view is lost or counted twice, whatever fails meanwhile", async () => {
  const lines = Array.from({ length: 80 }, (_, index) => `${index * 4_000} /page-${index % 7}`);
  const { recoveries } = await assertExactlyOnce(topPages, { inputs: { lines }, seeds: 10 });
  expect(recoveries).toBeGreaterThan(0);
});
