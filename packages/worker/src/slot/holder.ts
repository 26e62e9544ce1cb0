import { StreamError, type FailureLocation } from "@millrace/core";
import type { SourceReader } from "@millrace/graph";

import { sourceFailure } from "../task/source-failure.ts";

/** What may hold something outside, such as connections. */
export interface Holder {
  holdsOutside(): boolean;
  /** Lets go of all of it; what fails keeps nothing else from it. Never rejects. */
  letGo(onFailure: (error: StreamError) => void): Promise<void>;
}

/** Returns the holder of what a source's reader holds. */
export function readerHolder(reader: SourceReader<unknown>, location: FailureLocation): Holder {
  return {
    holdsOutside: () => reader.close !== undefined,
    letGo: async (onFailure) => {
      try {
        await reader.close?.();
      } catch (caught) {
        const what = `close of source ${location.operator ?? ""}`;
        onFailure(StreamError.from(sourceFailure(caught, { what, location })));
      }
    },
  };
}
