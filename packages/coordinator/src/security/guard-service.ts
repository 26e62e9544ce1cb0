import { toFailureData, type ControlService } from "@millrace/core";
import { encodeCoordinatorMessage } from "@millrace/rpc";

import type { AccessControl } from "./access-control.ts";

/**
 * Returns the service behind its access control: what is refused never reaches it. A call without a
 * policy is refused too, whoever makes it.
 */
export function guardService(service: ControlService, access: AccessControl): ControlService {
  return {
    onSession(session, caller) {
      const refusal = access.checkSession(caller);
      if (refusal === undefined) {
        service.onSession(session, caller);
        return;
      }
      // Without handlers what it says would be held.
      session.setHandlers({ onMessage: () => {}, onClose: () => {} });
      const failure = toFailureData(refusal);
      session.send(encodeCoordinatorMessage({ kind: "refused", failure }));
      session.close();
    },
    admit(what, caller) {
      if (what !== "session") {
        access.checkCall(what.method, caller);
        return;
      }
      const refusal = access.checkSession(caller);
      if (refusal !== undefined) throw refusal;
    },
    async onCall(method, message, caller) {
      access.checkCall(method, caller);
      return service.onCall(method, message, caller);
    },
  };
}
