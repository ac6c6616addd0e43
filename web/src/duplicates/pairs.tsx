// Pairs that may be the same: read, told in words, put aside and taken back.
import type { QueryClient } from '@tanstack/react-query';
import { useQuery } from '@tanstack/react-query';
import { call, get } from '../api/client';
import { t, type Key } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';
import { undoable } from '../ui/undo';

export interface Reason { field: string; label: string; says: string; level: number; weight: number }
export interface End { entity: string; id: number; name: string }
export interface Pair { id: number; entity: string; record: End; other: End; probability: number; zone: string; state: string; reasons: Reason[] | null }

const FIELDS = 'id,entity,record,other,probability,zone,state,reasons';

/** Open pairs, the likeliest first: of one record, of one object, or all. */
export function usePairs({ of, id, limit = 100, on = true }: { of?: string; id?: number; limit?: number; on?: boolean }) {
  const pairs = useMeta().entity('duplicate');
  const where = ["state = 'open'", of && id ? `(record = '${of}:${id}' or other = '${of}:${id}')` : of ? `entity = '${of}'` : ''].filter(Boolean).join(' and ');
  return useQuery({
    // under "related", so that the change stream has it read anew
    queryKey: ['related', 'duplicate', where, limit], enabled: on && !!pairs, retry: false,
    queryFn: ({ signal }) => get<{ items: Pair[]; next: string | null }>('/duplicates', { where, sort: '-probability', limit, fields: FIELDS }, signal),
  });
}

/** What a merge, or the taking back of one, may have changed on the screen. */
export async function afterwards(client: QueryClient, entity: string, ids: number[]) {
  for (const id of ids) void client.invalidateQueries({ queryKey: ['record', entity, id] });
  for (const key of [['list', entity], ['count', entity], ['count', 'duplicate'], ['related'], ['timeline']]) void client.invalidateQueries({ queryKey: key });
  await client.invalidateQueries({ queryKey: ['related', 'duplicate'] });
}

/** Takes a change set back. */
export const takeBack = (set: number) => call('POST', '/undo', { change_set: set });

export async function dismiss(client: QueryClient, p: Pair) {
  await call('POST', `/duplicates/${p.id}/dismiss`);
  await afterwards(client, p.entity, []);
  undoable(t('dup.dismissed', { a: p.record.name, b: p.other.name }), async () => {
    // the answer does not name the change set; the pair's own history does
    const past = await get<{ items: { change_set: number }[] }>(`/duplicates/${p.id}/history`, { limit: 1 });
    if (past.items[0]) await takeBack(past.items[0].change_set);
    await afterwards(client, p.entity, []);
  });
}

const WORDS: Record<string, Key> = { 'the same': 'says.same', 'one sign apart': 'says.sign', 'alike, or a short form': 'says.short', 'very alike': 'says.very', alike: 'says.alike', different: 'says.different' };
/** The server tells how two values agree in English; a word not known here stays as it is. */
export const says = (word: string) => { const key = WORDS[word]; return key ? t(key) : word; };

/** What speaks for the same and what against, the strongest first. */
export function Reasons({ reasons }: { reasons: Reason[] | null | undefined }) {
  const list = [...(reasons ?? [])].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  return (
    <ul className="reasons">
      {list.map((r) => <li key={r.field} className={r.weight < 0 ? 'against' : 'for'}><span aria-hidden>{r.weight < 0 ? '−' : '+'}</span> {r.label}: {says(r.says)}</li>)}
    </ul>
  );
}

export const percent = (p: number) => `${p >= 0.995 ? '> 99' : Math.round(p * 100)} %`;
export const mergeAddress = (e: Entity, ids: number[], pair?: number) => `/e/${e.plural}/merge?ids=${ids.join(',')}${pair ? `&pair=${pair}` : ''}`;
