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
      create: (): { name: string | undefined; isSeller: boolean } => ({
        name: undefined,
        isSeller: false,
      }),
      add: (user, record) => {
        if (record.kind === "person") user.name = record.name;
        else user.isSeller = true;
      },
      merge: (user, other) => {
        user.name ??= other.name;
        user.isSeller ||= other.isSeller;
      },
      result: ({ name, isSeller }, { key: id, window }) =>
        name === undefined || !isSeller ? undefined : { id, name, startTime: window.start },
    })
    .filter((row) => row !== undefined)
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
