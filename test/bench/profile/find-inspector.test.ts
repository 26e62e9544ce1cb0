import { expect, test } from "vitest";

import { parseListening } from "./find-inspector.ts";

test("of the sockets of /proc/net/tcp those that listen are found, with their ports", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0",
    "   1: 0100007F:240D 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 778 1 0",
    "",
  ].join("\n");
  expect(parseListening(table)).toEqual([{ port: 9_229, inode: "777" }]);
});
