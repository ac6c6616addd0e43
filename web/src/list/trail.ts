// The list one came from: its address and its rows in their order, for the steps from record to record.
export interface Trail { href: string; ids: number[] }
const trails = new Map<string, Trail>();
export const keepTrail = (entity: string, trail: Trail) => { trails.set(entity, trail); };
export const trailOf = (entity: string): Trail | undefined => trails.get(entity);
