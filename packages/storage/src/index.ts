export type { ObjectInfo, ObjectRange, ObjectStore } from "./object-store.ts";
