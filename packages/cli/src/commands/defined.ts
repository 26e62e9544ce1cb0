/** Returns the fields that have a value: an option that was not given is absent, not undefined. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what Object.entries loses
  return Object.fromEntries(entries) as Defined<Fields>;
}

type Defined<Fields extends object> = {
  readonly [Name in keyof Fields]?: Exclude<Fields[Name], undefined>;
};
