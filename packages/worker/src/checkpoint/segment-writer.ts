import type { ManifestSegment } from "@millrace/checkpoint";
import type { Compressor, Digest } from "@millrace/core";
import { SegmentBuilder } from "@millrace/state";

import type { PackedBlock } from "./packed-block.ts";

/** A segment as it is put into the object store, and what the ack says of it. */
export interface BuiltSegment extends Pick<
  ManifestSegment,
  "lengthBytes" | "footerLength" | "footerSha256"
> {
  readonly parts: readonly Uint8Array[];
}

/** Returns the blocks as one object, in the order given, with its footer behind them. */
export function buildSegment(
  blocks: readonly PackedBlock[],
  ports: { readonly compressor: Compressor; readonly digest: Digest },
): BuiltSegment {
  const builder = new SegmentBuilder(ports.compressor.name);
  for (const { bytes, ...header } of blocks) builder.add(header, bytes);
  const { parts, footer, lengthBytes } = builder.finish();
  const footerSha256 = ports.digest.sha256(footer);
  return { parts, lengthBytes, footerLength: footer.length, footerSha256 };
}
