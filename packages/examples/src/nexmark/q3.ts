/*
 * Nexmark query 3, local item suggestion: who sells in Oregon, Idaho or California in category 10, and which
 * auctions. A join without an end: persons and auctions are kept by seller until the other side has come.
 * Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, state, type } from "millrace";

import { outputFolder, readEvents } from "./read-events.ts";

const nearbyStates: ReadonlySet<string> = new Set(["OR", "ID", "CA"]);

interface Seller {
  readonly name: string;
  readonly city: string;
  readonly state: string;
}

export default defineJob("nexmark-q3", (job, params) => {
  const events = readEvents(job, params);
  const sellers = events
    .filter((event) => event.kind === "person")
    .filter((person) => nearbyStates.has(person.state))
    .map((person) => ({
      seller: person.id,
      name: person.name,
      city: person.city,
      state: person.state,
    }));
  const auctions = events
    .filter((event) => event.kind === "auction")
    .filter(({ category }) => category === 10)
    .map(({ seller, id }) => ({ seller, id }));

  sellers
    .keyBy(({ seller }) => seller)
    .connect(auctions.keyBy(({ seller }) => seller))
    .process("sellers-and-auctions", {
      emits: type<Seller & { id: number }>(),
      state: {
        seller: state.value<Seller>(),
        // Of auctions that came before their seller, from another split: most of them wait for nobody,
        // as their seller lives elsewhere.
        waiting: state.list<number>(),
      },
      onFirst({ name, city, state: stateOfUnion }, ctx) {
        const seller = { name, city, state: stateOfUnion };
        ctx.state.seller.set(seller);
        for (const id of ctx.state.waiting.get()) ctx.emit({ ...seller, id });
        ctx.state.waiting.clear();
      },
      onSecond({ id }, ctx) {
        const seller = ctx.state.seller.get();
        if (seller === undefined) ctx.state.waiting.add(id);
        else ctx.emit({ ...seller, id });
      },
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
