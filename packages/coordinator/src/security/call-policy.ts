import type { JobMethod } from "@millrace/rpc";

/** What a token may do: each role may also do what those before it may. */
export const accessRoles = ["read", "submit", "admin"] as const;
export type AccessRole = (typeof accessRoles)[number];

/**
 * The role that each call needs, for every call there is. Who may submit may run code as the workers'
 * user, so who may submit may also end jobs; `admin` is for what changes the cluster itself.
 */
const callPolicy = {
  SubmitJob: "submit",
  ListJobs: "read",
  DescribeJob: "read",
  CancelJob: "submit",
  StopJob: "submit",
  ListCheckpoints: "read",
  // It reads all of the job's state.
  VerifyCheckpoints: "submit",
  ReadLogs: "read",
  DescribeCluster: "read",
} as const satisfies Record<JobMethod, AccessRole>;

/** Returns the role that a call needs; one without a policy needs the highest, and is not served. */
export function neededRole(method: string): AccessRole {
  const found = Object.entries(callPolicy).find(([name]) => name === method);
  return found?.[1] ?? "admin";
}

/** Returns the calls that have a policy: for the test that none is missing. */
export function callsWithPolicy(): readonly string[] {
  return Object.keys(callPolicy);
}

/** Whether a token of the role may make a call that needs the other. */
export function isRoleEnough(role: AccessRole, needed: AccessRole): boolean {
  return accessRoles.indexOf(role) >= accessRoles.indexOf(needed);
}
