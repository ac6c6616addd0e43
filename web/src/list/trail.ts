// The list one came from: its address and its rows in their order, for the steps from record to record.
export interface Trail { href: string; ids: number[]; /** left out: these are all. The next ones; none at the end */ more?: () => Promise<number[]> }
const trails = new Map<string, Trail>();
export const keepTrail = (entity: string, trail: Trail) => { trails.set(entity, trail); };
/** Past the rows that the list had: those that follow are asked for and put at its end. */
export async function lengthen(entity: string) {
  const trail = trails.get(entity), more = trail?.more;
  if (!trail || !more) return;
  keepTrail(entity, { ...trail, more: undefined }); // once
  const next = await more().catch(() => null);
  const now = trails.get(entity)!;
  if (now.href === trail.href) keepTrail(entity, { ...now, ids: [...now.ids, ...(next ?? [])], more: next?.length === 0 ? undefined : more });
}
export const trailOf = (entity: string): Trail | undefined => trails.get(entity);
