import { asyncIo } from "./async/async.ts";
import { checkpoint } from "./checkpoint/checkpoint.ts";
import { codec } from "./codec/codec.ts";
import { exchange } from "./exchange/exchange.ts";
import { growth } from "./growth/growth.ts";
import { latency } from "./latency/latency.ts";
import { memory } from "./memory/memory.ts";
import { nexmarkGenerator } from "./nexmark/generator.ts";
import { nexmark } from "./nexmark/nexmark.ts";
import { recovery } from "./recovery/recovery.ts";
import type { Benchmark } from "./report/benchmark.ts";
import { scaling } from "./scaling/scaling.ts";
import { startup } from "./startup/startup.ts";
import { state } from "./state/state.ts";
import { ttl } from "./ttl/ttl.ts";
import { windows } from "./windows/windows.ts";
import { wordcount } from "./wordcount/wordcount.ts";

/** All benchmarks, in the order in which `pnpm bench` runs them. */
export const benchmarks: readonly Benchmark[] = [
  wordcount,
  latency,
  checkpoint,
  exchange,
  codec,
  state,
  ttl,
  nexmarkGenerator,
  nexmark,
  windows,
  asyncIo,
  scaling,
  growth,
  recovery,
  startup,
  memory,
];
