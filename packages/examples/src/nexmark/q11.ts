/*
 * Nexmark query 11, user sessions: how many bids a bidder made in a row, with at most 10 seconds from one to the
 * next. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, seconds, state, type } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

/** From the first bid to 10 seconds behind the last one. */
interface Session {
  readonly bidCount: number;
  readonly startTime: number;
  readonly endTime: number;
}

const gapMs = seconds(10);

export default defineJob("nexmark-q11", (job, params) => {
  readBids(job, params)
    // Only what is counted crosses to the other worker.
    .map(({ bidder, dateTime }) => ({ bidder, dateTime }))
    .keyBy(({ bidder }) => bidder)
    .process("sessions", {
      emits: type<Session & { bidder: number }>(),
      // Several, as what comes later may be older.
      state: { open: state.value<readonly Session[]>() },
      onRecord({ dateTime }, ctx) {
        const bid = { bidCount: 1, startTime: dateTime, endTime: dateTime + gapMs };
        ctx.state.open.update((sessions = []) => addSession(sessions, bid));
        ctx.timers.atEventTime(bid.endTime + 1);
      },
      // A bid at the very end of a session would belong to it; what is behind it no more.
      onTimer(_timeMs, ctx) {
        const sessions = ctx.state.open.get() ?? [];
        const isOver = ({ endTime }: Session): boolean => endTime < ctx.timestamp;
        for (const session of sessions.filter(isOver)) ctx.emit({ bidder: ctx.key, ...session });
        const open = sessions.filter((session) => !isOver(session));
        if (open.length > 0) ctx.state.open.set(open);
        else ctx.state.open.clear();
      },
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});

/** Returns the sessions with those as one that the new one touches. */
function addSession(sessions: readonly Session[], added: Session): readonly Session[] {
  let merged = added;
  const others: Session[] = [];
  for (const session of sessions) {
    if (session.startTime > merged.endTime || merged.startTime > session.endTime) {
      others.push(session);
      continue;
    }
    merged = {
      bidCount: session.bidCount + merged.bidCount,
      startTime: Math.min(session.startTime, merged.startTime),
      endTime: Math.max(session.endTime, merged.endTime),
    };
  }
  return [...others, merged];
}
