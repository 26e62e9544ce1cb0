import { draw, seedOf } from "./draw.ts";

/*
 * Texts are cut out of one text that is made once: letters by the piece would cost more than all else of
 * an event. V8 shares the memory of a cut of 13 letters or more with the whole.
 */

/** A power of two, so that an offset is a mask. */
const poolLength = 65_536;
const maxCut = 1_024;
const channelCount = 10_000;
const hotChannelNames = ["Google", "Facebook", "Baidu", "Apple"] as const;
/** Seeds of what is made once: below those of events, which are hashes of numbers from 0. */
const poolSeed = seedOf(-1);
const channelSeed = seedOf(-2);

/** How bids come in. */
export interface Channel {
  readonly name: string;
  /** Three folders and a page; nine of ten channels that are not hot have their id in the query. */
  readonly url: string;
}

/** What all events of a generator share. */
export interface Texts {
  /** Letters a to z, `poolLength + maxCut` of them. */
  readonly pool: string;
  readonly hotChannels: readonly Channel[];
  readonly channels: readonly Channel[];
}

/** Returns the texts, the same at each call; takes some 10 ms. */
export function createTexts(): Texts {
  const letters = Array.from({ length: poolLength + maxCut }, (_, index) =>
    String.fromCharCode(97 + (draw(poolSeed, index) % 26)),
  );
  const pool = letters.join("");
  const channel = (index: number): Channel => {
    const seed = draw(channelSeed, index);
    const url = createUrl(pool, seed);
    const hasId = draw(seed, 3) % 10 > 0;
    return {
      name: `channel-${index}`,
      url: hasId ? `${url}&channel_id=${draw(seed, 4) % 1_000_000_000}` : url,
    };
  };
  return {
    pool,
    hotChannels: hotChannelNames.map((name, index) => ({
      name,
      url: createUrl(pool, draw(channelSeed, channelCount + index)),
    })),
    channels: Array.from({ length: channelCount }, (_, index) => channel(index)),
  };
}

function createUrl(pool: string, seed: number): string {
  const folders = [0, 1, 2].map((index) => cut(pool, draw(seed, index), 3 + (index % 2)));
  return `https://www.nexmark.com/${folders.join("/")}/item.htm?query=1`;
}

/** Returns `length` letters, 1,024 at most; the offset comes from the upper half of the draw. */
export function cut(pool: string, drawn: number, length: number): string {
  const start = drawn >>> 16;
  return pool.substring(start, start + length);
}
