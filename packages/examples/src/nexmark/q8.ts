/*
 * Nexmark query 8, monitor new users: who registered and opened an auction within the same 10 seconds. A join
 * within windows: both streams as one, keyed by the person. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, tumbling } from "millrace";

import { outputFolder, readEvents } from "./read-events.ts";

export default defineJob("nexmark-q8", (job, params) => {
  const events = readEvents(job, params);
  const persons = events
    .filter((event) => event.kind === "person")
    .map(({ id, name }) => ({ kind: "person" as const, id, name }));
  const sellers = events
    .filter((event) => event.kind === "auction")
    .map(({ seller }) => ({ kind: "seller" as const, id: seller }));

  persons
    .union(sellers)
    .keyBy(({ id }) => id)
    .window(tumbling("10 seconds"))
    .aggregate("new-sellers", {
      create: (): { names: string[]; isSeller: boolean } => ({ names: [], isSeller: false }),
      add: (user, record) => {
        if (record.kind === "person") user.names.push(record.name);
        else user.isSeller = true;
      },
      merge: (user, other) => {
        user.names.push(...other.names);
        user.isSeller ||= other.isSeller;
      },
      result: ({ names, isSeller }, { key: id, window }) =>
        isSeller ? names.map((name) => ({ id, name, startTime: window.start })) : [],
    })
    .flatMap((rows) => rows)
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
