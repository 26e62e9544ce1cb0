/** Sets a field as the object's own, `__proto__` included. */
export function setField(target: object, name: string, value: unknown): void {
  if (name === "__proto__") {
    const descriptor = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(target, name, descriptor);
  } else Reflect.set(target, name, value);
}
