export { collectChanges } from "./collect-changes.ts";
export { describeLeaseContract, type LeaseContractOptions } from "./lease-contract.ts";
export {
  describeMetadataStoreContract,
  type MetadataStoreSubject,
} from "./metadata-store-contract.ts";
export { describeObjectStoreContract, type ObjectStoreSubject } from "./object-store-contract.ts";
export { describeSharedMetadataStoreContract } from "./shared-metadata-store-contract.ts";
