import { StreamError, type StreamErrorCode } from "@millrace/core";
import { protocolVersion } from "@millrace/rpc";

/** Returns why a worker of this registration may not join, or undefined if it may. */
export function checkProtocol(
  registration: {
    readonly workerId: string;
    readonly version: string;
    readonly protocolVersion: number;
  },
  ownVersion: string,
): StreamError | undefined {
  if (registration.protocolVersion === protocolVersion) return undefined;
  return refused(
    "version-skew",
    `worker ${registration.workerId} (version ${registration.version}) speaks protocol ` +
      `${registration.protocolVersion}, this coordinator (version ${ownVersion}) speaks ` +
      `${protocolVersion}: install the same version of millrace on both`,
  );
}

/** Returns the failure that a session is refused with. */
export function refused(code: StreamErrorCode, message: string): StreamError {
  return new StreamError(code, message, { domain: "external", retry: "never" });
}
