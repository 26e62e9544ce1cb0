/** Records of one kind, as a job would send them. */
export interface Corpus {
  readonly name: string;
  readonly records: readonly unknown[];
  /** Whether they all have one timestamp, as without event time. */
  readonly isTimeConstant: boolean;
}

/** Few, so that they are in the cache: as records are that were just made. */
const recordCount = 4_000;
const distinctWords = 100_000;

/** Returns words, counted words, Nexmark bids and a union, the same at each call. */
export function makeCorpora(): readonly Corpus[] {
  const random = seededRandom(1);
  const dictionary = Array.from({ length: distinctWords }, () => randomWord(random));
  const words = make(() => dictionary[Math.floor(random() * distinctWords)] ?? "");
  return [
    { name: "words", records: words, isTimeConstant: true },
    {
      name: "{word, count}",
      records: words.map((word) => ({ word, count: 1 })),
      isTimeConstant: true,
    },
    { name: "bids", records: make((index) => makeBid(random, index)), isTimeConstant: false },
    {
      name: "union of 3",
      records: make((index) => makeEvent(random, index)),
      isTimeConstant: false,
    },
  ];
}

function make<Made>(makeOne: (index: number) => Made): readonly Made[] {
  return Array.from({ length: recordCount }, (_, index) => makeOne(index));
}

function makeBid(random: () => number, index: number): object {
  const channels = ["Google", "Facebook", "Baidu", "Apple"];
  return {
    auction: 1_000 + Math.floor(random() * 10_000),
    bidder: 1_000 + Math.floor(random() * 10_000),
    price: Math.floor(random() * 10_000_000),
    channel: channels[Math.floor(random() * channels.length)] ?? "",
    url: `https://www.nexmark.com/${randomWord(random)}/item.htm?query=1`,
    dateTime: 1_700_000_000_000 + index,
    extra: randomWord(random) + randomWord(random),
  };
}

function makeEvent(random: () => number, index: number): object {
  if (index % 10 === 0)
    return { kind: "person", id: index, name: randomWord(random), city: "Riga" };
  if (index % 10 < 4) return { kind: "auction", id: index, reserve: random() * 100, open: true };
  return { kind: "bid", auction: index, price: Math.floor(random() * 1_000) };
}

function randomWord(random: () => number): string {
  const length = 4 + Math.floor(random() * 6);
  let word = "";
  for (let index = 0; index < length; index += 1) {
    word += String.fromCharCode(97 + Math.floor(random() * 26));
  }
  return word;
}

function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
}
