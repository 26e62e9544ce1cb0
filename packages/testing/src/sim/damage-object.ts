import type { Fault } from "./fault.ts";
import type { SimCluster } from "./sim-cluster.ts";
import { withChange } from "./sim-object-store.ts";

/** Makes one object that the head references other than what was written; returns whether it did. */
export async function damageObject(
  { world, checker }: SimCluster,
  { how, place }: Extract<Fault, { kind: "damage-object" }>,
): Promise<boolean> {
  const whole = [...checker.liveObjects()].filter((name) => !checker.damaged.has(name));
  const names = whole.toSorted();
  const name = names[Math.floor(place * names.length)];
  if (name === undefined) return false;
  const bytes = await world.objects.get(name);
  checker.damaged.add(name);
  const at = Math.floor(place * bytes.length);
  if (how === "lose") await world.objects.remove([name]);
  else
    await world.objects.put(name, [
      how === "truncate" ? bytes.slice(0, at) : withChange(bytes, at),
    ]);
  return true;
}
