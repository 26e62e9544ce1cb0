export {
  createAuthority,
  issueCertificate,
  type IssueOptions,
  type PemPair,
  type Validity,
} from "./certificate-authority.ts";
export { hashToken, makeToken } from "./token-file.ts";
