export { interpret } from "@millrace/testing";
